package capture

import "os"

// chownLike has nothing to do: files that an administrator makes can be read by the agent.
func chownLike(*os.File, string) error { return nil }

package capture

import "testing"

func needUnix(t *testing.T) {
	t.Skip("SKIPPED: needs FIFOs, sockets and symbolic links without privileges")
}

func makeFIFO(*testing.T, string)   {}
func makeSocket(*testing.T, string) {}

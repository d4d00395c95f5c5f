package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"shelfagent/agent/health"
)

// maxCameras bounds how many camera folders are tried.
const maxCameras = 100

func captureFolder(dir string) Result {
	const step = "capture folder"
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail(step, dir+" does not exist", "Create it, mount its disk, or correct capture.dir in the configuration.").is(health.CaptureMissing)
	case errors.Is(err, fs.ErrPermission):
		return fail(step, "this user may not read "+dir, "Try as the agent's user: "+asAgent+
			". If it is the same there, give that user the right to read, write and enter the folder.").is(health.CaptureMissing)
	case err != nil:
		return fail(step, err.Error(), "Set capture.dir to the folder that the cameras write into, and check its disk.").is(health.CaptureMissing)
	}
	if err := tryToTake(dir); err != nil {
		return fail(step, "files cannot be taken out of "+dir+": "+reason(err), takeRemedy).is(health.IntakeFailing)
	}
	cameras := 0
	for _, entry := range entries {
		if !entry.IsDir() || strings.HasPrefix(entry.Name(), ".") || cameras == maxCameras {
			continue
		}
		cameras++
		camera := filepath.Join(dir, entry.Name())
		_, err := os.ReadDir(camera)
		if err == nil {
			err = tryToTake(camera)
		}
		if err != nil {
			return fail(step, "files cannot be taken out of the camera's folder "+camera+": "+reason(err), takeRemedy).is(health.IntakeFailing)
		}
	}
	saw := fmt.Sprintf("%s can be read and emptied, and so can the folders in it (%d)", dir, cameras)
	if os.Geteuid() == 0 {
		saw += ", by root, who may do so anywhere; to try as the agent: " + asAgent
	}
	return ok(step, saw)
}

const takeRemedy = "Check that its disk is neither full nor read-only, and give the agent's user, or its group, the right to read the " +
	"folder and to write to it. To try as that user: " + asAgent + "."

// tryToTake: taking a file away needs the right to write to its folder; trying is the only sure way to know.
func tryToTake(dir string) error {
	probe, err := os.CreateTemp(dir, ".shelf-agent-doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// reason leaves out what a system's error repeats of its place.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

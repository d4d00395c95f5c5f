package capture

import "strings"

// DefaultCamera owns the files that lie in the capture folder itself.
const DefaultCamera = "default"

// ValidCamera says whether id is a camera id: [a-z0-9][a-z0-9._-]{0,62}.
func ValidCamera(id string) bool {
	if id == "" || len(id) > 63 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return true
}

// CameraOf returns the camera that a first-level folder names, or "" when it names none. Only ASCII is lower-cased:
// anything else does not fit an id anyway, and Unicode folding would turn one name into another ("K", the Kelvin sign).
func CameraOf(folder string, folders map[string]string) string {
	if camera, ok := folders[folder]; ok {
		return camera
	}
	id := []byte(folder)
	for i, c := range id {
		if 'A' <= c && c <= 'Z' {
			id[i] = c + 'a' - 'A'
		}
	}
	if !ValidCamera(string(id)) {
		return ""
	}
	return string(id)
}

// ignoredSuffixes mark files that their writers will rename when they are done.
var ignoredSuffixes = []string{".tmp", ".part", ".partial", ".filepart", ".crdownload"}

// ignored says whether a file or folder of this name is never looked into.
func ignored(name string) bool {
	if strings.HasPrefix(name, ".") {
		return true
	}
	for _, suffix := range ignoredSuffixes {
		if n := len(name) - len(suffix); n >= 0 && strings.EqualFold(name[n:], suffix) {
			return true
		}
	}
	return false
}

// ownFolder says whether a first-level folder was made by a file system or its host for itself.
func ownFolder(name string) bool {
	switch name {
	case "lost+found", "System Volume Information", "$RECYCLE.BIN", "@eaDir":
		return true
	}
	return false
}

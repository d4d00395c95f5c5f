package demo

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"shelfagent/uploader/ticket"
)

// judge holds what the bucket has against what the cameras drew.
func (d *demo) judge(cameras []*camera) error {
	objects, err := d.bucket.objects()
	if err != nil {
		return err
	}
	held := map[string][]object{} // by camera
	for _, o := range objects {
		if strings.HasPrefix(o.key, ticket.CanaryPrefix) {
			continue // of a doctor who looked in
		}
		id := path.Base(path.Dir(o.key))
		held[id] = append(held[id], o)
	}
	d.say("in the bucket:")
	var wrong []error
	var frames int
	var bytes int64
	for _, c := range cameras {
		missing, surplus := compare(c.digests(), held[c.id])
		size := int64(0)
		for _, o := range held[c.id] {
			size += o.bytes
		}
		counts := c.counts()
		d.say("  %-12s %5d frames %8.1f kB   captured %d, proven %d, deliberately broken %d",
			c.id, len(held[c.id]), float64(size)/1e3, counts.captured, counts.captured-int64(len(missing)), counts.spoiled)
		if len(missing) > 0 {
			wrong = append(wrong, fmt.Errorf("%s: %d captured frames are not in the bucket", c.id, len(missing)))
		}
		if len(surplus) > 0 {
			wrong = append(wrong, fmt.Errorf("%s: %d objects that nobody captured, or twice: %s", c.id, len(surplus), strings.Join(surplus, ", ")))
		}
		frames += len(held[c.id])
		bytes += size
		delete(held, c.id)
	}
	for id := range held {
		wrong = append(wrong, fmt.Errorf("objects of a camera that does not exist: %s", id))
	}
	if frames == 0 {
		wrong = append(wrong, errors.New("no frame was captured"))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w\nthe agent's log:\n%s", errors.Join(wrong...), d.logTail())
	}
	d.say("every captured frame is there once, byte for byte: %d frames, %.1f MB", frames, float64(bytes)/1e6)
	return nil
}

// compare returns the digests that no object has, and the keys of objects that no digest asks for.
func compare(want []string, have []object) (missing, surplus []string) {
	missing = slices.Clone(want)
	for _, o := range have {
		at := slices.Index(missing, o.digest)
		if at < 0 || !strings.Contains(o.key, o.digest) {
			surplus = append(surplus, o.key)
			continue
		}
		missing = slices.Delete(missing, at, at+1)
	}
	return missing, surplus
}

package frame_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"shelfagent/agent/frame"
)

func ExampleNew() {
	raw, err := os.ReadFile("../../testdata/frames/camera.jpg")
	if err != nil {
		log.Fatal(err)
	}
	src := frame.Source{ModTime: time.Date(2026, 11, 22, 1, 20, 0, 0, time.UTC)}
	f, err := frame.New(raw, src, frame.Options{MinWidth: 100})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Format, f.Width, f.Height, f.CapturedAt.Format(time.RFC3339Nano), f.TimeSource)
	fmt.Println(f.Stripped)

	_, err = frame.New(raw[:9000], src, frame.Options{})
	var rejection *frame.Rejection
	if errors.As(err, &rejection) {
		fmt.Println(rejection.Code, "-", rejection.Code.Sentence())
	}
	// Output:
	// jpeg 103 150 2026-11-22T01:18:03.123Z exif
	// [app comment exif gps iptc maker_note thumbnail trailing xmp]
	// truncated - The picture ends too early: the camera or the transfer stopped before it was complete.
}

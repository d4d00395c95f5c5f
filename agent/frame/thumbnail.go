package frame

import "image"

// Thumbnail is the picture of f.Luma, upright and with at most longest pixels on its longer side; nil where there is none.
// It is made of what is uploaded, so what is masked is black in it, and nothing in it was stripped. It shares memory with
// f.Luma at most.
func Thumbnail(f *Frame, longest int) *image.Gray {
	if f.Luma == nil {
		return nil
	}
	size := f.Luma.Rect.Size()
	width, height := fitted(size.X, size.Y, longest)
	small := shrunk(f.Luma, width, height) // before it is turned: there is less to be moved then
	return turned(small, f.Orientation).(*image.Gray)
}

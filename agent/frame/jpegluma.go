package frame

// setLuma notes the DC coefficient of a block of the first component. Blocks that only fill up the last MCU are left
// out.
func (s *jpegScanner) setLuma(x, y int, dc int32) {
	if m := s.luma; x < m.Rect.Max.X && y < m.Rect.Max.Y {
		m.Pix[y*m.Stride+x] = brightness(dc, s.dcStep[s.frame.components[0].quant])
	}
}

// fillLuma makes the picture of a progressive file, whose DC coefficients are known at its end.
func (s *jpegScanner) fillLuma() {
	across, _ := s.frame.units()
	stride := across * s.frame.components[0].h
	for y := range s.luma.Rect.Max.Y {
		for x := range s.luma.Rect.Max.X {
			s.setLuma(x, y, s.dcs[y*stride+x])
		}
	}
}

// brightness is the mean of a block of pixels: the DC coefficient is eight times that, counted from the middle.
// Source: T.81, A.3.1 and A.3.3.
func brightness(dc, step int32) uint8 {
	return uint8(min(max((dc*step+4)>>3+128, 0), 255))
}

package ticket

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrResponse marks an answer that is not one to the request that was sent. Nothing of it may be used.
var ErrResponse = errors.New("the backend's answer does not fit the request")

// Answer is what the backend says of one upload: exactly one of the two is set.
type Answer struct {
	Ticket  *Ticket
	Refusal *Refusal
}

// ReadResponse reads a Response and holds it against what was asked. A frame that the backend passed over
// is absent from the result; an answer for a frame that was not asked for, or a second one for the same
// frame, spoils the whole response.
func ReadResponse(r io.Reader, asked []Upload) (map[string]Answer, error) {
	body, err := io.ReadAll(io.LimitReader(r, MaxResponseBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the backend's answer: %w", err)
	}
	if len(body) > MaxResponseBytes {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrResponse, MaxResponseBytes)
	}
	var response Response
	if err := json.Unmarshal(body, &response); err != nil {
		return nil, fmt.Errorf("%w: it is not the expected JSON", ErrResponse)
	}

	open := make(map[string]bool, len(asked))
	for _, u := range asked {
		open[u.Frame] = true
	}
	answers := make(map[string]Answer, len(asked))
	add := func(frame string, a Answer) error {
		if !open[frame] {
			return fmt.Errorf("%w: frame %.80q was not asked for, or is answered twice", ErrResponse, frame)
		}
		delete(open, frame)
		answers[frame] = a
		return nil
	}
	for i := range response.Tickets {
		if err := add(response.Tickets[i].Frame, Answer{Ticket: &response.Tickets[i]}); err != nil {
			return nil, err
		}
	}
	for i := range response.Refusals {
		if err := add(response.Refusals[i].Frame, Answer{Refusal: &response.Refusals[i]}); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

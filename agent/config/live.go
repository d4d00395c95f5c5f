package config

import (
	"fmt"
	"time"

	"shelfagent/uploader"
)

// UploaderChanges translates what of [upload] a running uploader can take.
func (c *Config) UploaderChanges() (uploader.Changes, error) {
	location, err := time.LoadLocation(c.Upload.Timezone)
	if err != nil {
		return uploader.Changes{}, fmt.Errorf("upload.timezone: %w", err)
	}
	return uploader.Changes{
		Concurrency: c.Upload.Concurrency, Rate: int64(c.Upload.Rate), Windows: c.Upload.windows(), Location: location,
	}, nil
}

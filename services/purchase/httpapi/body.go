package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
)

// bodies are buffers for one body each; what is decoded is copied out of them.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readBody hands the body of the request, which is to be a thing of that name in JSON, to
// decode. It answers where that is not possible, and reports whether it was.
func (a *api) readBody(c *gin.Context, what string, decode func([]byte) error) bool {
	if !isJSON(c.Request) {
		httpserver.WriteProblem(c.Writer, httpserver.NewProblem(http.StatusUnsupportedMediaType, httpserver.CodeUnsupportedMedia,
			"Unsupported media type", fmt.Sprintf("send the %s as application/json in UTF-8, not compressed", what)))
		return false
	}
	buffer, _ := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(buffer)
	buffer.Reset()
	_, err := buffer.ReadFrom(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		httpserver.WriteProblem(c.Writer, httpserver.NewProblem(http.StatusRequestEntityTooLarge, httpserver.CodeTooLarge,
			"Too large", fmt.Sprintf("a %s has at most %d bytes", what, maxBody)))
		return false
	case err != nil:
		a.malformed(c, "the body could not be read to its end")
		return false
	}
	if err := decode(buffer.Bytes()); err != nil {
		a.malformed(c, err.Error())
		return false
	}
	return true
}

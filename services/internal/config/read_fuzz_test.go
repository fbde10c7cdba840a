package config_test

import (
	"strings"
	"testing"

	"github.com/eventflow-dev/eventflow/services/internal/config"
)

// FuzzRead: an environment is a configuration that can be used or an error that shows no secret.
func FuzzRead(f *testing.F) {
	f.Add("pod-1", "debug", "3s", "7", "redis://host/0")
	f.Add("", "loud", "-1s", "seven", " \n")
	f.Add("$HOME", "", "", "", "\x00")
	f.Fuzz(func(t *testing.T, node, level, delay, limit, url string) {
		const secret = "pa55-w0rd"
		file := secretFile(t, url+secret)
		var got own
		err := config.Read([]string{
			"EVENTFLOW_NODE=" + node, "EVENTFLOW_LOG_LEVEL=" + level, "EVENTFLOW_SHUTDOWN_DELAY=" + delay,
			"EVENTFLOW_LIMIT=" + limit, "EVENTFLOW_URL_FILE=" + file,
		}, &got)
		switch {
		case err != nil && strings.Contains(err.Error(), secret) && !strings.Contains(node+level+delay+limit, secret):
			t.Errorf("the error shows the secret: %v", err)
		case err == nil && (got.ShutdownDelay < 0 || got.Node == "" || got.URL == ""):
			t.Errorf("%+v passes for a configuration", got)
		}
	})
}

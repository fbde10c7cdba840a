package telemetry

import "runtime/debug"

// version is set by the linker:
//
//	-ldflags "-X github.com/eventflow-dev/eventflow/services/internal/telemetry.version=v1.2.3"
var version string

// Version names the build: what the linker was told, else what the module cache or
// version control says, else "devel".
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

//go:build envtest

package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// The API server that all tests of this package share. Each has its own namespace.
var (
	config *rest.Config
	scheme = runtime.NewScheme()
	// direct reads and writes without a cache.
	direct client.Client
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := runWithAPIServer(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runWithAPIServer(m *testing.M) (int, error) {
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return 0, err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return 0, err
	}
	env := &envtest.Environment{
		Scheme:                scheme,
		CRDDirectoryPaths:     []string{"../../config/crd/bases"},
		ErrorIfCRDPathMissing: true,
	}
	var err error
	if config, err = env.Start(); err != nil {
		return 0, fmt.Errorf("start API server (KUBEBUILDER_ASSETS names the folder of kube-apiserver and etcd): %w", err)
	}
	config.QPS = -1 // no limit of our own
	ctrl.SetLogger(logr.Discard())
	if direct, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return 0, fmt.Errorf("make client: %w", err)
	}
	code := m.Run()
	if err := env.Stop(); err != nil {
		return 0, fmt.Errorf("stop API server: %w", err)
	}
	return code, nil
}

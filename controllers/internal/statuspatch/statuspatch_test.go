package statuspatch_test

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/eventflow-dev/eventflow/controllers/internal/statuspatch"
)

func TestPatch(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("broken")
	cases := map[string]struct {
		phase       corev1.NamespacePhase
		answer      error
		wantPatches int
		wantErr     error
	}{
		"unchanged":              {phase: corev1.NamespaceActive, answer: errBroken},
		"changed":                {phase: corev1.NamespaceTerminating, wantPatches: 1},
		"gone in the meantime":   {phase: corev1.NamespaceTerminating, answer: apierrors.NewNotFound(schema.GroupResource{}, "a"), wantPatches: 1},
		"the server is not well": {phase: corev1.NamespaceTerminating, answer: errBroken, wantPatches: 1, wantErr: errBroken},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Status: corev1.NamespaceStatus{Phase: corev1.NamespaceActive}}
			patches := 0
			c := fake.NewClientBuilder().WithObjects(object).WithStatusSubresource(object).WithInterceptorFuncs(interceptor.Funcs{
				SubResourcePatch: func(context.Context, client.Client, string, client.Object, client.Patch, ...client.SubResourcePatchOption) error {
					patches++
					return tc.answer
				},
			}).Build()
			patcher := statuspatch.New(c, object)
			object.Status.Phase = tc.phase
			if err := patcher.Patch(t.Context(), object); !errors.Is(err, tc.wantErr) {
				t.Errorf("error %v, want %v", err, tc.wantErr)
			}
			if patches != tc.wantPatches {
				t.Errorf("%d patches, want %d", patches, tc.wantPatches)
			}
		})
	}
}

package apply_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/eventflow-dev/eventflow/controllers/internal/apply"
)

// makeApplier returns one whose owner is a ConfigMap, and whose cache and API server
// hold the objects. The API server refuses to apply what refuse names.
func makeApplier(t *testing.T, refuse string, objects ...client.Object) *apply.Applier {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			if object.(interface{ GetName() string }).GetName() == refuse {
				return errRefused
			}
			return c.Apply(ctx, object, opts...)
		},
	}).Build()
	return &apply.Applier{
		Client: c, Live: c,
		Owner:  &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "owner", UID: "1"}},
		Labels: map[string]string{"ours": "yes"},
	}
}

var errRefused = errors.New("refused")

func configMap(name string) *corev1ac.ConfigMapApplyConfiguration {
	return corev1ac.ConfigMap(name, "ns").WithLabels(map[string]string{"ours": "yes"}).WithData(map[string]string{"a": "1"})
}

func TestApply(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		existing    client.Object
		refuse      string
		want        []apply.Change
		wantErr     error
		wantForeign bool
	}{
		"new": {
			want: []apply.Change{{Verb: apply.Created, Kind: "ConfigMap", Name: "a"}, {Verb: apply.Created, Kind: "ConfigMap", Name: "b"}},
		},
		"one failure does not keep the others": {
			refuse:  "a",
			want:    []apply.Change{{Verb: apply.Created, Kind: "ConfigMap", Name: "b"}},
			wantErr: errRefused,
		},
		"left behind by an owner that was deleted": {
			existing: &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a", Labels: map[string]string{"ours": "yes"}}},
			want:     []apply.Change{{Verb: apply.Changed, Kind: "ConfigMap", Name: "a"}, {Verb: apply.Created, Kind: "ConfigMap", Name: "b"}},
		},
		"not ours": {
			existing:    &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a"}},
			want:        []apply.Change{{Verb: apply.Created, Kind: "ConfigMap", Name: "b"}},
			wantForeign: true,
		},
		"controlled by another": {
			existing: &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
				Namespace: "ns", Name: "a", Labels: map[string]string{"ours": "yes"},
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "other", UID: "2", Controller: new(true)}},
			}},
			want:        []apply.Change{{Verb: apply.Created, Kind: "ConfigMap", Name: "b"}},
			wantForeign: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var existing []client.Object
			if tc.existing != nil {
				existing = append(existing, tc.existing)
			}
			a := makeApplier(t, tc.refuse, existing...)
			got, err := a.Apply(t.Context(), configMap("a"), configMap("b"))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			foreign := &apply.ForeignError{}
			if errors.As(err, &foreign) != tc.wantForeign {
				t.Errorf("error %v, want a foreign object: %t", err, tc.wantForeign)
			}
			if tc.wantForeign && !strings.Contains(foreign.Error(), "ConfigMap a exists") {
				t.Errorf("error %q does not name the object", foreign)
			}
			if !tc.wantForeign && !errors.Is(err, tc.wantErr) {
				t.Errorf("error %v, want %v", err, tc.wantErr)
			}
			child := &corev1.ConfigMap{}
			if err := a.Client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "b"}, child); err != nil {
				t.Fatal(err)
			}
			if !metav1.IsControlledBy(child, a.Owner) {
				t.Error("the child has no controller")
			}
		})
	}
}

func TestApplyOnceMoreChangesNothing(t *testing.T) {
	t.Parallel()
	a := makeApplier(t, "")
	if _, err := a.Apply(t.Context(), configMap("a")); err != nil {
		t.Fatal(err)
	}
	a = &apply.Applier{Client: refuseAll(a.Client), Live: a.Live, Owner: a.Owner, Labels: a.Labels}
	if changes, err := a.Apply(t.Context(), configMap("a")); err != nil || len(changes) > 0 {
		t.Errorf("changes %v, %v", changes, err)
	}
}

// refuseAll fails every apply.
func refuseAll(c client.Client) client.Client {
	return interceptor.NewClient(c.(client.WithWatch), interceptor.Funcs{
		Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
			return errRefused
		},
	})
}

func TestPrune(t *testing.T) {
	t.Parallel()
	controller := []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: "1", Controller: new(true)}}
	labels := map[string]string{"ours": "yes"}
	a := makeApplier(t, "",
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "wanted", Labels: labels, OwnerReferences: controller}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "unwanted", Labels: labels, OwnerReferences: controller}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "not-owned", Labels: labels}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "not-labelled", OwnerReferences: controller}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "elsewhere", Name: "unwanted", Labels: labels, OwnerReferences: controller}},
	)
	got, err := a.Prune(t.Context(), []client.ObjectList{&corev1.ConfigMapList{}}, []apply.Identified{configMap("wanted")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]apply.Change{{Verb: apply.Deleted, Kind: "ConfigMap", Name: "unwanted"}}, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	left := &corev1.ConfigMapList{}
	if err := a.Client.List(t.Context(), left); err != nil || len(left.Items) != 4 {
		t.Errorf("%d objects are left, want 4; %v", len(left.Items), err)
	}
}

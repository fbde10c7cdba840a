package apply

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// digestAnnotation on a child is a digest of what was applied last. It shows that a
// field is no longer desired, which a comparison of the desired fields cannot.
const digestAnnotation = "eventflow.dev/applied-digest"

// render turns an apply configuration into plain maps and a digest of them.
func render(object runtime.ApplyConfiguration) (map[string]any, string, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, "", err
	}
	content := map[string]any{}
	if err := json.Unmarshal(text, &content); err != nil {
		return nil, "", err
	}
	digest := sha256.Sum256(text)
	return content, hex.EncodeToString(digest[:])[:16], nil
}

// upToDate reports whether applying desired would surely change nothing. In doubt it
// says false, and the API server decides.
func upToDate(current client.Object, desired *unstructured.Unstructured) (bool, error) {
	if _, metadataOnly := current.(*metav1.PartialObjectMetadata); metadataOnly {
		return false, nil
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(current)
	if err != nil {
		return false, err
	}
	want := map[string]any{}
	for key, value := range desired.Object {
		// Typed objects from the cache do not carry their kind.
		if key != "apiVersion" && key != "kind" {
			want[key] = value
		}
	}
	return contains(content, want), nil
}

// contains reports whether all of want is in have. Maps may have more keys, which
// others own or the server has defaulted; lists may not have more elements.
func contains(have, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		have, isMap := have.(map[string]any)
		if !isMap {
			return false
		}
		for key, value := range want {
			element, found := have[key]
			if !found || !contains(element, value) {
				return false
			}
		}
		return true
	case []any:
		have, isList := have.([]any)
		if !isList || len(have) != len(want) {
			return false
		}
		for i := range want {
			if !contains(have[i], want[i]) {
				return false
			}
		}
		return true
	default:
		return reflect.DeepEqual(have, want)
	}
}

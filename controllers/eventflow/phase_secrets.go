package eventflow

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eventflow-dev/eventflow/controllers/internal/apply"
	"github.com/eventflow-dev/eventflow/controllers/internal/phase"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

// reconcileSecrets makes the credentials where they are missing and never changes one
// that is there. Afterwards the scope knows them all.
//
// The credentials Secret has no owner: it stays when the EventFlow goes, because the
// volumes stay, and a new password opens no old database. The Secrets that pods mount
// are built from it; whichever of the two is lost is made again from the other.
func (r *Reconciler) reconcileSecrets(ctx context.Context, s *scope) (phase.Result, error) {
	secret, err := r.readCredentials(ctx, s)
	if err != nil {
		return phase.Result{}, err
	}
	missing := false
	original := secret.DeepCopy()
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	for _, source := range manifests.CredentialSources(s.eventFlow) {
		if len(secret.Data[source.Key]) > 0 {
			continue
		}
		missing = true
		if secret.Data[source.Key], err = r.credential(ctx, s, source); err != nil {
			return phase.Result{}, err
		}
	}
	s.credentials = manifests.CredentialsFrom(secret.Data)
	if !missing {
		return phase.Result{}, nil
	}
	return phase.Result{}, r.writeCredentials(ctx, s, original, secret)
}

// readCredentials returns the credentials Secret, or a new one that does not exist
// yet. It asks the API server before it takes the Secret for missing: the cache may
// lag, and knows no Secret without our labels.
func (r *Reconciler) readCredentials(ctx context.Context, s *scope) (*corev1.Secret, error) {
	key := client.ObjectKey{Namespace: s.eventFlow.Namespace, Name: manifests.CredentialsName(s.eventFlow)}
	secret := &corev1.Secret{}
	err := r.Client.Get(ctx, key, secret)
	if apierrors.IsNotFound(err) {
		err = r.Live.Get(ctx, key, secret)
	}
	if apierrors.IsNotFound(err) {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace,
			Name:      key.Name,
			Labels:    manifests.CredentialsLabels(s.eventFlow),
		}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read credentials %s: %w", key, err)
	}
	return secret, nil
}

// credential returns the copy of a missing credential, or makes a new one.
func (r *Reconciler) credential(ctx context.Context, s *scope, source manifests.CredentialSource) ([]byte, error) {
	derived := &corev1.Secret{}
	key := client.ObjectKey{Namespace: s.eventFlow.Namespace, Name: source.Copy}
	err := r.Live.Get(ctx, key, derived)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("read copy of %s: %w", source.Key, err)
	}
	if value := derived.Data[source.CopyKey]; len(value) > 0 && metav1.IsControlledBy(derived, s.eventFlow) {
		return value, nil
	}
	if source.Kind == manifests.KindKey {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // It never fails.
		return []byte(base64.StdEncoding.EncodeToString(key)), nil
	}
	return []byte(rand.Text()), nil
}

// writeCredentials creates the Secret, or adds keys to it. Another writer in between
// is an error, and the next run reads what that one wrote.
func (r *Reconciler) writeCredentials(ctx context.Context, s *scope, original, secret *corev1.Secret) error {
	change := apply.Change{Verb: apply.Created, Kind: "Secret", Name: secret.Name}
	var err error
	if secret.ResourceVersion == "" {
		err = r.Client.Create(ctx, secret, apply.FieldOwner)
	} else {
		change.Verb = apply.Changed
		patch := client.MergeFromWithOptions(original, client.MergeFromWithOptimisticLock{})
		err = r.Client.Patch(ctx, secret, patch, apply.FieldOwner)
	}
	if err != nil {
		return fmt.Errorf("write credentials %s: %w", secret.Name, err)
	}
	s.changes = append(s.changes, change)
	return nil
}

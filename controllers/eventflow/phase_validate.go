package eventflow

import (
	"context"
	"errors"
	"fmt"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/internal/phase"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// validate stalls on what the schema lets through and the services would refuse.
// Afterwards the children can be built.
func (r *Reconciler) validate(_ context.Context, s *scope) (phase.Result, error) {
	spec := s.eventFlow.Spec
	problems := []error{ticketing.ValidateCatalog(manifests.Catalog(spec.Catalog))}
	for _, image := range []struct{ field, given, standard string }{
		{"image", spec.Image, s.images.Service},
		{"postgres.image", spec.Postgres.Image, s.images.Postgres},
		{"redis.image", spec.Redis.Image, s.images.Redis},
		{"rabbitmq.image", spec.RabbitMQ.Image, s.images.RabbitMQ},
	} {
		if image.given == "" && image.standard == "" {
			problems = append(problems, fmt.Errorf("spec.%s: give one, the operator was installed without", image.field))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return phase.Result{}, phase.Stall(v1alpha1.ReasonInvalidSpec, err)
	}
	return phase.Result{}, nil
}

package manifests

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
)

// Sizes of a pod where the spec gives none. Requests are what an idle pod uses, so
// that a whole box office fits beside other things; limits are where something has
// gone wrong. The CPU limit is high on purpose: a tight one throttles, and throttled
// pods fail their probes when the load is highest.
type size struct{ cpuRequest, memoryRequest, memoryLimit string }

const cpuLimit = "2"

func (s size) requirements() *corev1.ResourceRequirements {
	return &corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse(s.cpuRequest),
			corev1.ResourceMemory: resource.MustParse(s.memoryRequest),
		},
		Limits: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse(cpuLimit),
			corev1.ResourceMemory: resource.MustParse(s.memoryLimit),
		},
	}
}

// resourcesOr returns the resources of the spec, or those of the size.
func resourcesOr(given *corev1.ResourceRequirements, standard size) *corev1.ResourceRequirements {
	if given != nil {
		return given
	}
	return standard.requirements()
}

func resourcesConfig(r *corev1.ResourceRequirements) *corev1ac.ResourceRequirementsApplyConfiguration {
	config := corev1ac.ResourceRequirements()
	if len(r.Requests) > 0 {
		config.WithRequests(r.Requests)
	}
	if len(r.Limits) > 0 {
		config.WithLimits(r.Limits)
	}
	for _, claim := range r.Claims {
		config.WithClaims(corev1ac.ResourceClaim().WithName(claim.Name).WithRequest(claim.Request))
	}
	return config
}

// memoryShare is a percentage of the memory limit, in bytes; without a limit, of the
// standard one.
func memoryShare(r *corev1.ResourceRequirements, standard size, percent int64) int64 {
	limit, found := r.Limits[corev1.ResourceMemory]
	if !found {
		limit = resource.MustParse(standard.memoryLimit)
	}
	return limit.Value() / 100 * percent
}

// goMemoryLimit is the value of GOMEMLIMIT: the collector works harder before the
// kernel kills the pod. Without a limit of the pod there is none for the collector.
func goMemoryLimit(r *corev1.ResourceRequirements) (string, bool) {
	limit, found := r.Limits[corev1.ResourceMemory]
	if !found {
		return "", false
	}
	return strconv.FormatInt(limit.Value()/10*9, 10), true
}

package manifests

import (
	networkingv1 "k8s.io/api/networking/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// ingress renders the way in. It carries no annotations: the box office must behave
// the same behind every controller.
func ingress(in Input) Object {
	ef := in.EventFlow
	rule := networkingv1ac.IngressRule().WithHTTP(networkingv1ac.HTTPIngressRuleValue().WithPaths(
		ingressPath(ef, "/analytics", ComponentAnalytics),
		ingressPath(ef, "/", ComponentPurchase),
	))
	if ef.Spec.Ingress.Host != "" {
		rule.WithHost(ef.Spec.Ingress.Host)
	}
	return networkingv1ac.Ingress(ef.Name, ef.Namespace).
		WithLabels(labels(ef, "ingress")).
		WithSpec(networkingv1ac.IngressSpec().
			WithIngressClassName(ef.Spec.Ingress.ClassName).
			WithRules(rule))
}

func ingressPath(ef *v1alpha1.EventFlow, path, component string) *networkingv1ac.HTTPIngressPathApplyConfiguration {
	return networkingv1ac.HTTPIngressPath().
		WithPath(path).
		WithPathType(networkingv1.PathTypePrefix).
		WithBackend(networkingv1ac.IngressBackend().WithService(networkingv1ac.IngressServiceBackend().
			WithName(ChildName(ef, component)).
			WithPort(networkingv1ac.ServiceBackendPort().WithName(httpPortName))))
}

package manifests

import (
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
)

// Probes ask a pod about itself and nothing that it shares with its siblings: a dead
// store must take no pod out of the load balancer, nor restart one.

// httpProbe asks a path of the pod's own HTTP server.
func httpProbe(path string) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().WithHTTPGet(corev1ac.HTTPGetAction().
		WithPath(path).WithPort(intstr.FromString(httpPortName)))
}

// tcpProbe asks whether the server takes connections.
func tcpProbe(portName string) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().WithTCPSocket(corev1ac.TCPSocketAction().WithPort(intstr.FromString(portName)))
}

// execProbe runs a command in the container.
func execProbe(command ...string) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().WithExec(corev1ac.ExecAction().WithCommand(command...))
}

// starting gives a server up to five minutes to come up, recovery included.
func starting(p *corev1ac.ProbeApplyConfiguration) *corev1ac.ProbeApplyConfiguration {
	return p.WithPeriodSeconds(1).WithTimeoutSeconds(3).WithFailureThreshold(300)
}

// ready takes a pod out of its Service after about ten seconds.
func ready(p *corev1ac.ProbeApplyConfiguration) *corev1ac.ProbeApplyConfiguration {
	return p.WithPeriodSeconds(5).WithTimeoutSeconds(3).WithFailureThreshold(2)
}

// alive restarts a container only when it has not answered for a minute: a wrong
// restart under load costs more than a late one.
func alive(p *corev1ac.ProbeApplyConfiguration) *corev1ac.ProbeApplyConfiguration {
	return p.WithPeriodSeconds(10).WithTimeoutSeconds(5).WithFailureThreshold(6)
}

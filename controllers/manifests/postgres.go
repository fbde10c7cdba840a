package manifests

import (
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

const (
	postgresData = "/var/lib/postgresql/data"
	postgresAuth = "/etc/eventflow/postgres"
)

// What a small, idle database uses; shared buffers fill up under load.
var postgresSize = size{cpuRequest: "50m", memoryRequest: "64Mi", memoryLimit: "512Mi"}

func postgresPorts() []port { return []port{{name: "postgres", number: postgresPort}} }

func postgres(in Input) []Object {
	ef := in.EventFlow
	return []Object{
		serviceAccount(ef, ComponentPostgres),
		secret(ef, ComponentPostgres, ChildName(ef, ComponentPostgres), postgresAccess(in)),
		governingService(ef, ComponentPostgres, postgresPorts()),
		service(ef, ComponentPostgres, postgresPorts()),
		postgresStatefulSet(in),
	}
}

func postgresStatefulSet(in Input) Object {
	ef := in.EventFlow
	spec := ef.Spec.Postgres
	// Note: while the image makes a new database, its server listens on the socket
	// only, so asking over TCP tells that one from the real one.
	isReady := []string{"pg_isready", "--quiet", "--host=127.0.0.1", "--username=" + storeUser, "--dbname=" + storeDatabase}
	container := corev1ac.Container().
		WithImage(imageOr(spec.Image, in.Images.Postgres)).
		WithEnv(
			env("POSTGRES_USER", storeUser),
			env("POSTGRES_DB", storeDatabase),
			env("POSTGRES_PASSWORD_FILE", postgresAuth+"/"+keyPassword),
			// A folder below the mount: the root of a volume may hold lost+found.
			env("PGDATA", postgresData+"/pgdata"),
		).
		WithPorts(containerPorts(postgresPorts())...).
		WithStartupProbe(starting(execProbe(isReady...))).
		WithReadinessProbe(ready(execProbe(isReady...))).
		// Not pg_isready: it also fails while the server recovers, and a restart then
		// would begin the recovery anew.
		WithLivenessProbe(alive(tcpProbe("postgres")))
	return store{
		component: v1alpha1.StorePostgres,
		spec:      spec,
		pod: pod{
			component: ComponentPostgres,
			user:      storeUserID,
			grace:     60,
			container: container,
			resources: resourcesOr(spec.Resources, postgresSize),
			mounts: []mount{
				{name: dataVolume, path: postgresData, claim: true},
				{name: "access", path: postgresAuth, secret: ChildName(ef, ComponentPostgres), keys: []string{keyPassword}},
				scratch("run", "/var/run/postgresql"),
				scratch("tmp", "/tmp"),
			},
			// The password is of use only when the database is made: it rolls nothing.
		},
	}.statefulSet(in)
}

func env(name, value string) *corev1ac.EnvVarApplyConfiguration {
	return corev1ac.EnvVar().WithName(name).WithValue(value)
}

func imageOr(given, standard string) string {
	if given != "" {
		return given
	}
	return standard
}

package pss

import (
	"math/rand"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// randomPod makes a pod out of the values that the standards look at. Most pods begin as one that is let
// through everywhere, and a few things in it are changed: so that both verdicts are common, and each single
// value decides often enough.
func randomPod(r *rand.Rand) *corev1.Pod {
	pod := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: "random", Namespace: "pss"},
	}
	spec := &pod.Spec
	for range 1 + r.Intn(2) {
		spec.Containers = append(spec.Containers, hardened("main"))
	}
	for range r.Intn(2) {
		spec.InitContainers = append(spec.InitContainers, hardened("init"))
	}
	for range r.Intn(2) {
		spec.EphemeralContainers = append(spec.EphemeralContainers,
			corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon(hardened("debug"))})
	}
	for range r.Intn(5) {
		changePod(r, pod)
	}
	for range r.Intn(5) {
		changeContainer(r, pickContainer(r, spec))
	}
	return pod
}

func hardened(name string) corev1.Container {
	return corev1.Container{Name: name, Image: "image", SecurityContext: &corev1.SecurityContext{
		RunAsNonRoot:             ptr(true),
		AllowPrivilegeEscalation: ptr(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}}
}

func pickContainer(r *rand.Rand, spec *corev1.PodSpec) *corev1.Container {
	i := r.Intn(len(spec.Containers) + len(spec.InitContainers) + len(spec.EphemeralContainers))
	if i < len(spec.Containers) {
		return &spec.Containers[i]
	}
	if i -= len(spec.Containers); i < len(spec.InitContainers) {
		return &spec.InitContainers[i]
	}
	i -= len(spec.InitContainers)
	return (*corev1.Container)(&spec.EphemeralContainers[i].EphemeralContainerCommon)
}

func ptr[T any](value T) *T { return &value }

func one[T any](r *rand.Rand, values ...T) T { return values[r.Intn(len(values))] }

func flag(r *rand.Rand) *bool { return one(r, nil, ptr(false), ptr(true)) }

func user(r *rand.Rand) *int64 { return one(r, nil, ptr(int64(0)), ptr(int64(1)), ptr(int64(65534))) }

func seccomp(r *rand.Rand) *corev1.SeccompProfile {
	return one(r, nil, &corev1.SeccompProfile{}, &corev1.SeccompProfile{Type: "RuntimeDefault"},
		&corev1.SeccompProfile{Type: "Localhost", LocalhostProfile: ptr("a")},
		&corev1.SeccompProfile{Type: "Unconfined"}, &corev1.SeccompProfile{Type: "runtimeDefault"})
}

func appArmor(r *rand.Rand) *corev1.AppArmorProfile {
	return one(r, nil, &corev1.AppArmorProfile{}, &corev1.AppArmorProfile{Type: "RuntimeDefault"},
		&corev1.AppArmorProfile{Type: "Localhost"}, &corev1.AppArmorProfile{Type: "Unconfined"})
}

func seLinux(r *rand.Rand) *corev1.SELinuxOptions {
	return one(r, nil, &corev1.SELinuxOptions{}, &corev1.SELinuxOptions{Level: "s0"},
		&corev1.SELinuxOptions{Type: one(r, "container_t", "container_init_t", "container_kvm_t", "container_engine_t", "spc_t")},
		&corev1.SELinuxOptions{User: "system_u"}, &corev1.SELinuxOptions{Role: "system_r"})
}

func windows(r *rand.Rand) *corev1.WindowsSecurityContextOptions {
	return one(r, nil, &corev1.WindowsSecurityContextOptions{}, &corev1.WindowsSecurityContextOptions{HostProcess: flag(r)})
}

func capabilities(r *rand.Rand) *corev1.Capabilities {
	names := []corev1.Capability{"ALL", "all", "NET_RAW", "NET_BIND_SERVICE", "CHOWN", "SYS_ADMIN", "SYS_CHROOT", "MKNOD",
		"CAP_CHOWN", "AUDIT_WRITE", ""}
	some := func() (list []corev1.Capability) {
		for range r.Intn(3) {
			list = append(list, one(r, names...))
		}
		return list
	}
	return one(r, nil, &corev1.Capabilities{}, &corev1.Capabilities{Add: some()}, &corev1.Capabilities{Drop: some()},
		&corev1.Capabilities{Add: some(), Drop: append(some(), "ALL")})
}

// changePod changes one thing of the pod itself.
func changePod(r *rand.Rand, pod *corev1.Pod) {
	spec := &pod.Spec
	if spec.SecurityContext == nil && r.Intn(4) > 0 {
		spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	context := spec.SecurityContext
	if context == nil {
		context = &corev1.PodSecurityContext{} // a change that does not count
	}
	switch r.Intn(15) {
	case 0:
		spec.HostNetwork = r.Intn(2) == 0
	case 1:
		spec.HostPID = r.Intn(2) == 0
	case 2:
		spec.HostIPC = r.Intn(2) == 0
	case 3, 4:
		spec.HostUsers = flag(r)
	case 5, 6:
		spec.OS = one(r, nil, &corev1.PodOS{Name: corev1.Windows}, &corev1.PodOS{Name: corev1.Linux}, &corev1.PodOS{Name: "Windows"})
	case 7:
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "volume", VolumeSource: volumeSource(r)})
	case 8:
		pod.Annotations = map[string]string{
			one(r, "container.apparmor.security.beta.kubernetes.io/main", "container.apparmor.security.beta.kubernetes.io/",
				"container.apparmor.security.beta.kubernetes.io/other", "apparmor"): one(r, "", "runtime/default", "localhost/a",
				"localhost/", "localhost", "unconfined", "runtime/other"),
		}
	case 9:
		context.Sysctls = append(context.Sysctls, corev1.Sysctl{Name: sysctl(r), Value: "1"})
	case 10:
		context.RunAsNonRoot = flag(r)
	case 11:
		context.RunAsUser = user(r)
	case 12:
		context.SeccompProfile = seccomp(r)
	case 13:
		context.AppArmorProfile = appArmor(r)
	case 14:
		context.SELinuxOptions, context.WindowsOptions = seLinux(r), windows(r)
	}
}

func sysctl(r *rand.Rand) string {
	return one(r, "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
		"net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports",
		"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
		"net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.ipv4.tcp_slow_start_after_idle",
		"net.ipv4.tcp_notsent_lowat", "kernel.msgmax", "net.ipv4.tcp_rmem ", "")
}

func volumeSource(r *rand.Rand) corev1.VolumeSource {
	return one(r, corev1.VolumeSource{},
		corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/var/run"}},
		corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
		corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{}},
		corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "s"}},
		corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "d"}},
		corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{}},
		corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{}},
		corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "i"}},
		corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "c"}},
		corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}},
		corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "s", Path: "/"}},
		corev1.VolumeSource{GitRepo: &corev1.GitRepoVolumeSource{Repository: "r"}},
		corev1.VolumeSource{ISCSI: &corev1.ISCSIVolumeSource{TargetPortal: "t"}})
}

// changeContainer changes one thing of a container.
func changeContainer(r *rand.Rand, c *corev1.Container) {
	if c.SecurityContext == nil {
		c.SecurityContext = &corev1.SecurityContext{}
	}
	context := c.SecurityContext
	switch r.Intn(15) {
	case 0:
		c.SecurityContext = nil
	case 1:
		context.Privileged = flag(r)
	case 2:
		context.AllowPrivilegeEscalation = flag(r)
	case 3:
		context.RunAsNonRoot = flag(r)
	case 4:
		context.RunAsUser = user(r)
	case 5, 6:
		context.Capabilities = capabilities(r)
	case 7:
		context.SeccompProfile = seccomp(r)
	case 8:
		context.AppArmorProfile = appArmor(r)
	case 9:
		context.SELinuxOptions = seLinux(r)
	case 10:
		context.WindowsOptions = windows(r)
	case 11, 12:
		context.ProcMount = one(r, nil, ptr(corev1.DefaultProcMount), ptr(corev1.UnmaskedProcMount), ptr(corev1.ProcMountType("")))
	case 13:
		c.Ports = append(c.Ports, corev1.ContainerPort{ContainerPort: 80, HostPort: one[int32](r, 0, 0, 80)})
	case 14:
		changeHandlers(r, c)
	}
}

func changeHandlers(r *rand.Rand, c *corev1.Container) {
	host := one(r, "", "", "127.0.0.1", "example.com")
	get := &corev1.HTTPGetAction{Host: host, Port: intstr.FromInt32(80)}
	dial := &corev1.TCPSocketAction{Host: host, Port: intstr.FromInt32(80)}
	probe := &corev1.Probe{ProbeHandler: one(r, corev1.ProbeHandler{HTTPGet: get}, corev1.ProbeHandler{TCPSocket: dial},
		corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 80}})}
	hook := one(r, &corev1.LifecycleHandler{HTTPGet: get}, &corev1.LifecycleHandler{TCPSocket: dial}, &corev1.LifecycleHandler{})
	switch r.Intn(5) {
	case 0:
		c.LivenessProbe = probe
	case 1:
		c.ReadinessProbe = probe
	case 2:
		c.StartupProbe = probe
	case 3:
		c.Lifecycle = &corev1.Lifecycle{PostStart: hook}
	case 4:
		c.Lifecycle = &corev1.Lifecycle{PreStop: hook}
	}
}

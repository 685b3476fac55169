package kubeconfigs

// config is a kubeconfig with one context, of the bodies of a cluster and of a user.
func config(cluster, user string) map[string]string {
	return map[string]string{"config": text(cluster, user)}
}

func text(cluster, user string) string {
	return "apiVersion: v1\nkind: Config\ncurrent-context: c\n" +
		"contexts: [{name: c, context: {cluster: k, user: u, namespace: prod}}]\n" +
		"clusters: [{name: k, cluster: {" + cluster + "}}]\n" +
		"users: [{name: u, user: {" + user + "}}]\n"
}

const (
	server = "server: '{{.Server}}'"
	known  = server + ", certificate-authority: ca.crt"
)

// Where to connect, and whom to believe.
var clusterRows = []row{
	{
		name:  "CA by a relative path",
		files: config(known, "token: t"),
		want:  seen{Server: "server", Protocol: "HTTP/2.0", Host: "127.0.0.1:{{.Port}}", Authorization: "Bearer t"},
	},
	{
		name:  "CA by a relative path through a folder that is not there",
		files: config(server+", certificate-authority: ./none/..//sub/ca.crt", "token: t"),
		want:  seen{Authorization: "Bearer t"},
	},
	{
		name:  "CA by an absolute path",
		files: config(server+", certificate-authority: '{{.Dir}}/sub/ca.crt'", "token: t"),
		want:  seen{Authorization: "Bearer t"},
	},
	{
		name:  "CA inline",
		files: config(server+", certificate-authority-data: {{b64 .CA}}", "token: t"),
		want:  seen{Authorization: "Bearer t"},
	},
	{
		name:  "several CAs inline, ours the second",
		files: config(server+`, certificate-authority-data: {{b64 (print .OtherCA .CA)}}`, "token: t"),
		want:  seen{Authorization: "Bearer t"},
	},
	{
		name:  "CA by path and inline",
		files: config(known+", certificate-authority-data: {{b64 .CA}}", "token: t"),
		fails: []string{"{{.Dir}}/config", `cluster "k": certificate-authority and certificate-authority-data are both`},
	},
	{
		name:  "CA file is not there",
		files: config(server+", certificate-authority: none.crt", "token: t"),
		fails: []string{"{{.Dir}}/config", "certificate-authority: read {{.Dir}}/none.crt: No such file"},
	},
	{
		name:  "CA file holds none",
		files: config(server+", certificate-authority: client.key", "token: t"),
		fails: []string{"{{.Dir}}/client.key", "no certificate in the certificate authority"},
	},
	{
		name:  "CA inline is no base64",
		files: config(server+", certificate-authority-data: '*'", "token: t"),
		fails: []string{"{{.Dir}}/config", "certificate-authority-data"},
	},
	{
		name:  "CA of somebody else",
		files: config(server+", certificate-authority: other-ca.crt", "token: t"),
		fails: []string{"is not trusted", "{{.Dir}}/other-ca.crt"},
	},
	{
		name:  "no CA and a server that the system does not know",
		files: config(server, "token: t"),
		fails: []string{"is not trusted", "the system's certificate authorities"},
	},
	{
		name:  "insecure-skip-tls-verify",
		files: config(server+", insecure-skip-tls-verify: true", "token: t"),
		want:  seen{Authorization: "Bearer t"},
	},
	{
		name:  "insecure-skip-tls-verify beside a CA",
		files: config(known+", insecure-skip-tls-verify: true", "token: t"),
		fails: []string{"{{.Dir}}/config", "insecure-skip-tls-verify contradicts certificate-authority"},
	},
	{
		name:  "tls-server-name",
		files: config(known+", tls-server-name: api.test", "token: t"),
		want:  seen{SNI: "api.test", Host: "127.0.0.1:{{.Port}}", Authorization: "Bearer t"},
	},
	{
		name:  "tls-server-name is an address",
		files: config(known+", tls-server-name: '::1'", "token: t"),
		want:  seen{Host: "127.0.0.1:{{.Port}}", Authorization: "Bearer t"},
	},
	{
		name:  "tls-server-name is not in the certificate",
		files: config(known+", tls-server-name: wrong.test", "token: t"),
		fails: []string{"is for another name"},
	},
	{
		name:  "server by name",
		files: config("server: 'https://localhost:{{.Port}}', certificate-authority: ca.crt", "token: t"),
		want:  seen{SNI: "localhost", Host: "localhost:{{.Port}}"},
	},
	{
		name:  "server with a path",
		files: config("server: '{{.Server}}/k8s/clusters/c-1', certificate-authority: ca.crt", "token: t"),
		want:  seen{Prefix: "/k8s/clusters/c-1"},
	},
	{
		name:  "server with a path that ends in a slash",
		files: config("server: '{{.Server}}/k8s/', certificate-authority: ca.crt", "token: t"),
		want:  seen{Prefix: "/k8s"},
	},
	{
		name:  "server on IPv6",
		files: config("server: '{{.Server6}}', certificate-authority: ca.crt", "token: t"),
		want:  seen{Server: "server6", Host: "[::1]:{{.Port6}}", Authorization: "Bearer t"},
	},
	{
		name:  "server on IPv6 with tls-server-name",
		files: config("server: '{{.Server6}}/p', certificate-authority: ca.crt, tls-server-name: api.test", "token: t"),
		want:  seen{Server: "server6", SNI: "api.test", Host: "[::1]:{{.Port6}}", Prefix: "/p"},
	},
	{
		name:  "server is missing",
		files: config("certificate-authority: ca.crt", "token: t"),
		fails: []string{"{{.Dir}}/config", `cluster "k": server is missing`},
	},
	{
		name:  "disable-compression, extensions and fields that nobody knows",
		files: config(known+", disable-compression: true, extensions: [{name: x, extension: {y: z}}], new: [1]", "token: t, new: {}"),
		want:  seen{Authorization: "Bearer t"},
	},
}

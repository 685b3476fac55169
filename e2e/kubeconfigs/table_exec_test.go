package kubeconfigs

const (
	v1      = "apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never"
	v1beta1 = "apiVersion: client.authentication.k8s.io/v1beta1"

	start = `#!/bin/sh
printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/%s","status":{' `
	printToken = start + `v1
printf '"token":"t-%s"}}' "${0##*/}"
`
	printBetaToken = start + `v1beta1
printf '"token":"beta"}}'
`
	printCertificate = start + `v1
printf '"clientCertificateData":"%s","clientKeyData":"%s"}}' "$(sed 's/$/\\n/' client.crt | tr -d '\n')" "$(sed 's/$/\\n/' client.key | tr -d '\n')"
`
	printBoth = start + `v1
printf '"token":"t","clientCertificateData":"%s","clientKeyData":"%s"}}' "$(sed 's/$/\\n/' client.crt | tr -d '\n')" "$(sed 's/$/\\n/' client.key | tr -d '\n')"
`
	// The token is what the plugin was given.
	printInfo = start + `v1
printf '"token":"json.%s"}}' "$(printf %s "$KUBERNETES_EXEC_INFO" | base64 -w0)"
`
	printArguments = start + `v1
printf '"token":"json.%s"}}' "$(printf '["%s","%s","%s","%s"]' "$#" "$2" "$ONE" "$HOME_OF_TEST" | base64 -w0)"
`
)

// The credential comes from a plugin.
var execRows = []row{
	{
		name:  "plugin by a relative path",
		files: with(config(known, "exec: {"+v1+", command: bin/plugin}"), "bin/plugin", printToken),
		want:  seen{Authorization: "Bearer t-plugin"},
	},
	{
		name:  "plugin by a path that begins with a dot",
		files: with(config(known, "exec: {"+v1+", command: ./plugin}"), "plugin", printToken),
		want:  seen{Authorization: "Bearer t-plugin"},
	},
	{
		name:  "plugin by an absolute path",
		files: with(config(known, "exec: {"+v1+", command: '{{.Dir}}/sub/plugin'}"), "sub/plugin", printToken),
		want:  seen{Authorization: "Bearer t-plugin"},
	},
	{
		name:  "plugin in the path",
		files: with(config(known, "exec: {"+v1+", command: plugin-of-path}"), "bin/plugin-of-path", printToken),
		want:  seen{Authorization: "Bearer t-plugin-of-path"},
	},
	{
		name:  "plugin in the working folder, which is not in the path",
		files: with(config(known, "exec: {"+v1+", command: plugin, installHint: get it there}"), "plugin", printToken),
		fails: []string{"{{.Dir}}/config", "exec: plugin is not in PATH: get it there"},
	},
	{
		name:  "plugin that is not there",
		files: config(known, "exec: {"+v1+", command: ./none, installHint: get it there}"),
		fails: []string{"{{.Dir}}/config", "exec: {{.Dir}}/none is not there", "get it there"},
	},
	{
		name:  "plugin that cannot be executed",
		files: with(config(known, "exec: {"+v1+", command: ./plugin}"), "plugin", "no script"),
		fails: []string{"{{.Dir}}/config", "plugin is not there or cannot be executed"},
	},
	{
		name: "plugin of another file, relative to it",
		files: map[string]string{
			"config":     "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\nclusters: [{name: k, cluster: {" + known + "}}]\n",
			"sub/config": "users: [{name: u, user: {exec: {" + v1 + ", command: ./plugin}}}]\n",
			"sub/plugin": printToken,
		},
		list: []string{"config", "sub/config"},
		want: seen{Authorization: "Bearer t-plugin"},
	},
	{
		name:  "plugin with a certificate",
		files: with(config(known, "exec: {"+v1+", command: ./plugin}"), "plugin", printCertificate),
		want:  seen{Certificate: "client"},
	},
	{
		name:  "plugin with a certificate and a token",
		files: with(config(known, "exec: {"+v1+", command: ./plugin}"), "plugin", printBoth),
		want:  seen{Certificate: "client", Authorization: "Bearer t"},
	},
	{
		name:  "plugin of v1beta1",
		files: with(config(known, "exec: {"+v1beta1+", command: ./plugin}"), "plugin", printBetaToken),
		want:  seen{Authorization: "Bearer beta"},
	},
	{
		name:  "plugin that answers in another version",
		files: with(config(known, "exec: {"+v1beta1+", command: ./plugin}"), "plugin", printToken),
		fails: []string{"{{.Dir}}/config", "apiVersion: expected client.authentication.k8s.io/v1beta1"},
	},
	{
		name: "plugin with arguments and variables",
		files: with(config(known, "exec: {"+v1+", command: ./plugin, args: [a, 'b $HOME c', ''], "+
			"env: [{name: ONE, value: 'of file'}]}"), "plugin", printArguments),
		env:  []string{"ONE=of process", "HOME_OF_TEST=kept"},
		want: seen{Authorization: `Bearer json ["3","b $HOME c","of file","kept"]`},
	},
	{
		name:  "plugin that is told nothing of the cluster",
		files: with(config(known, "exec: {"+v1+", command: ./plugin}"), "plugin", printInfo),
		want: seen{Authorization: `Bearer json {"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",` +
			`"spec":{"interactive":false}}`},
	},
	{
		name: "plugin that is told the cluster",
		files: with(config(known+", tls-server-name: api.test, disable-compression: true, extensions: "+
			"[{name: client.authentication.k8s.io/exec, extension: {audience: [x, 1]}}]",
			"exec: {"+v1+", command: ./plugin, provideClusterInfo: true}"), "plugin", printInfo),
		want: seen{SNI: "api.test", Authorization: `Bearer json {"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",` +
			`"spec":{"cluster":{"certificate-authority-data":"{{b64 .CA}}","config":{"audience":["x",1]},"disable-compression":true,` +
			`"server":"{{.Server}}","tls-server-name":"api.test"},"interactive":false}}`},
	},
	{
		name: "plugin that is told a cluster without a CA and with a proxy",
		files: with(config("server: '{{.Server}}/p/', insecure-skip-tls-verify: true, proxy-url: 'http://{{.Proxies.HTTP}}'",
			"exec: {"+v1+", command: ./plugin, provideClusterInfo: true}"), "plugin", printInfo),
		want: seen{Via: "http://127.0.0.1:{{.Port}}"},
	},
	{
		name: "plugin whose credential lasts, however many requests there are", // it counts the runs of each client
		files: with(config(known, "exec: {"+v1+", command: ./plugin}"), "plugin",
			start+"v1\necho run >>runs.$PPID\nprintf '\"expirationTimestamp\":\"2999-01-01T00:00:00Z\",\"token\":\"run-%d\"}}' $(wc -l <runs.$PPID)\n"),
		want: seen{Authorization: "Bearer run-1"},
	},
	{
		name: "plugin whose credential has expired already",
		files: with(config(known, "exec: {"+v1+", command: ./plugin}"), "plugin",
			start+"v1\nprintf '\"expirationTimestamp\":\"2001-01-01T00:00:00Z\",\"token\":\"old\"}}'\n"),
		want: seen{Authorization: "Bearer old"},
	},
	{
		name: "plugin whose credential ends no one knows when",
		files: with(config(known, "exec: {"+v1+", command: ./plugin}"), "plugin",
			start+"v1\nprintf '\"expirationTimestamp\":\"tomorrow\",\"token\":\"t\"}}'\n"),
		fails: []string{"{{.Dir}}/config", "status.expirationTimestamp"},
	},
	{
		name: "plugin that gives nothing",
		files: with(config(known, "exec: {"+v1+", command: ./plugin}"), "plugin",
			start+"v1\nprintf '\"token\":\"\"}}'\n"),
		fails: []string{"{{.Dir}}/config", "status: neither token nor"},
	},
	{
		name:  "plugin that fails",
		files: with(config(known, "exec: {"+v1+", command: ./plugin}"), "plugin", "#!/bin/sh\necho log in first >&2\nexit 7\n"),
		fails: []string{"{{.Dir}}/config", "exec: {{.Dir}}/plugin failed with exit code 7: log in first"},
	},
	{
		name:  "plugin that prints anything",
		files: with(config(known, "exec: {"+v1+", command: ./plugin}"), "plugin", "#!/bin/sh\necho hello\n"),
		fails: []string{"{{.Dir}}/config", "what it printed is not JSON"},
	},
	{
		name:  "plugin beside a token never runs",
		files: with(config(known, "token: t, exec: {"+v1+", command: ./plugin}"), "plugin", printToken),
		want:  seen{Authorization: "Bearer t"},
	},
	{
		name: "plugin beside a client certificate never runs",
		files: with(config(known, "client-certificate: client.crt, client-key: client.key, exec: {"+v1+", command: ./plugin}"),
			"plugin", printToken),
		want: seen{Certificate: "client"},
	},
	{
		name:  "plugin with impersonation",
		files: with(config(known, "as: jane, exec: {"+v1+", command: ./plugin}"), "plugin", printToken),
		want:  seen{Authorization: "Bearer t-plugin", Impersonation: []string{"Impersonate-User: jane"}},
	},
	{
		name:  "plugin that wants a terminal",
		files: with(config(known, "exec: {"+v1beta1+", interactiveMode: Always, command: ./plugin}"), "plugin", printBetaToken),
		fails: []string{"{{.Dir}}/config", `user "u": exec.interactiveMode: Always needs a terminal`},
	},
	{
		name:  "plugin of v1 that does not say whether it wants a terminal",
		files: with(config(known, "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin}"), "plugin", printToken),
		fails: []string{"{{.Dir}}/config", `user "u": exec.interactiveMode: expected Never`},
	},
	{
		name:  "plugin of an unknown version",
		files: with(config(known, "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: ./plugin}"), "plugin", printToken),
		fails: []string{"{{.Dir}}/config", `user "u": exec.apiVersion: expected client.authentication.k8s.io/v1`},
	},
	{
		name:  "plugin without a command",
		files: config(known, "exec: {"+v1+"}"),
		fails: []string{"{{.Dir}}/config", `user "u": exec.command`},
	},
	{
		name:  "plugin with a variable without a name",
		files: with(config(known, "exec: {"+v1+", command: ./plugin, env: [{value: x}]}"), "plugin", printToken),
		fails: []string{"{{.Dir}}/config", `user "u": exec.env[0].name`},
	},
}

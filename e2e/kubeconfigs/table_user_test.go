package kubeconfigs

// As whom to connect, but for plugins.
var userRows = []row{
	{
		name: "impersonation of somebody with an odd name",
		files: config(known, `token: t, as: "jane dö, x: y", as-uid: 4-2, as-groups: ["system:masters", "a, b"], `+
			`as-user-extra: {scopes: [view, "edit all"], "acme.com/pro%ject: é": ["x\ty"], Upper: [v]}`),
		want: seen{Authorization: "Bearer t", Impersonation: []string{
			"Impersonate-Extra-Acme.com%2fpro%25ject%3a%20%c3%a9: x\ty", "Impersonate-Extra-Scopes: edit all",
			"Impersonate-Extra-Scopes: view", "Impersonate-Extra-Upper: v", "Impersonate-Group: a, b",
			"Impersonate-Group: system:masters", "Impersonate-Uid: 4-2", "Impersonate-User: jane dö, x: y",
		}},
	},
	{
		name:  "impersonation with a client certificate and a group without a name",
		files: config(known, "client-certificate: client.crt, client-key: client.key, as: jane, as-groups: ['']"),
		want:  seen{Certificate: "client", Impersonation: []string{"Impersonate-Group: ", "Impersonate-User: jane"}},
	},
	{
		name:  "impersonation of nobody in particular",
		files: config(known, "token: t, as-groups: ['system:masters']"),
		fails: []string{"{{.Dir}}/config", `user "u": as-uid, as-groups and as-user-extra need as`},
	},
	{
		name:  "impersonation with a line break",
		files: config(known, `token: t, as: "jane\r\nX-Injected: yes"`),
		fails: []string{"{{.Dir}}/config", `user "u": as: holds a control character`},
	},
	{
		name:  "impersonation with a line break in a group",
		files: config(known, `token: t, as: jane, as-groups: ["a\nb"]`),
		fails: []string{"{{.Dir}}/config", `user "u": as-groups: holds a control character`},
	},
	{
		name:  "impersonation with a line break in an extra value",
		files: config(known, `token: t, as: jane, as-user-extra: {k: ["a\nb"]}`),
		fails: []string{"{{.Dir}}/config", `user "u": as-user-extra: holds a control character`},
	},
	{
		name:  "token is a number",
		files: config(known, "token: 12345"),
		fails: []string{"{{.Dir}}/config", `user "u": token`},
	},
	{
		name:  "nobody in particular",
		files: config(known, ""),
		want:  seen{Server: "server"},
	},
	{
		name:  "token file",
		files: with(config(known, "tokenFile: sub/token"), "sub/token", "from-file\n"),
		want:  seen{Authorization: "Bearer from-file"},
	},
	{
		name:  "token file beside a token",
		files: with(config(known, "tokenFile: token, token: inline"), "token", "from-file"),
		want:  seen{Authorization: "Bearer from-file"},
	},
	{
		name:  "token file that is not there beside a token",
		files: config(known, "tokenFile: none, token: inline"),
		want:  seen{Authorization: "Bearer inline"},
	},
	{
		name:  "token file that is empty beside a token",
		files: with(config(known, "tokenFile: token, token: inline"), "token", "\n"),
		want:  seen{Authorization: "Bearer inline"},
	},
	{
		name:  "token file that is not there",
		files: config(known, "tokenFile: none"),
		fails: []string{"tokenFile: read {{.Dir}}/none: No such file"},
	},
	{
		name:  "token file that is empty",
		files: with(config(known, "tokenFile: token"), "token", ""),
		fails: []string{"tokenFile: read {{.Dir}}/token: the token is empty"},
	},
	{
		name:  "client certificate by path",
		files: config(known, "client-certificate: sub/client.crt, client-key: '{{.Dir}}/client.key'"),
		want:  seen{Certificate: "client"},
	},
	{
		name:  "client certificate inline",
		files: config(known, "client-certificate-data: {{b64 (cert .Client)}}, client-key-data: {{b64 (key .Client)}}"),
		want:  seen{Certificate: "client"},
	},
	{
		name:  "client certificate inline with its key in a file",
		files: config(known, "client-certificate-data: {{b64 (cert .Client)}}, client-key: client.key"),
		want:  seen{Certificate: "client"},
	},
	{
		name:  "client certificate beside a token",
		files: config(known, "client-certificate: client.crt, client-key: client.key, token: t"),
		want:  seen{Certificate: "client", Authorization: "Bearer t"},
	},
	{
		name:  "client certificate by path and inline",
		files: config(known, "client-certificate: client.crt, client-certificate-data: {{b64 (cert .Client)}}, client-key: client.key"),
		fails: []string{"{{.Dir}}/config", `user "u": client-certificate and client-certificate-data are both`},
	},
	{
		name:  "client key by path and inline",
		files: config(known, "client-certificate: client.crt, client-key: client.key, client-key-data: {{b64 (key .Client)}}"),
		fails: []string{"{{.Dir}}/config", `user "u": client-key and client-key-data are both`},
	},
	{
		name:  "client certificate without a key",
		files: config(known, "client-certificate: client.crt, token: t"),
		fails: []string{"{{.Dir}}/config", `user "u": client-certificate has no client-key`},
	},
	{
		name:  "client key without a certificate",
		files: config(known, "client-key: client.key, token: t"),
		want:  seen{Authorization: "Bearer t"},
	},
	{
		name:  "client key of somebody else",
		files: config(known, "client-certificate: client.crt, client-key: client2.key"),
		fails: []string{"{{.Dir}}/client2.key", "the client key does not belong to the client certificate"},
	},
	{
		name:  "client certificate is not there",
		files: config(known, "client-certificate: none.crt, client-key: client.key"),
		fails: []string{"{{.Dir}}/config", "client-certificate: read {{.Dir}}/none.crt: No such file"},
	},
	{
		name:  "user name and password",
		files: config(known, `username: "jané:x", password: "p: w\n"`),
		want:  seen{Authorization: "Basic amFuw6k6eDpwOiB3Cg=="},
	},
	{
		name:  "user name alone",
		files: config(known, "username: jane"),
		want:  seen{Authorization: "Basic amFuZTo="},
	},
	{
		name:  "password alone",
		files: config(known, "password: p, client-certificate: client.crt, client-key: client.key"),
		want:  seen{Certificate: "client"},
	},
	{
		name:  "user name beside a token",
		files: config(known, "username: jane, token: t"),
		fails: []string{"{{.Dir}}/config", `user "u": both a token and username/password`},
	},
	{
		name:  "password beside a token",
		files: config(known, "password: p, token: t"),
		fails: []string{"{{.Dir}}/config", `user "u": both a token and username/password`},
	},
	{
		name:  "user name beside a token file",
		files: with(config(known, "username: jane, tokenFile: token"), "token", "t"),
		fails: []string{"{{.Dir}}/config", `user "u": both a token and username/password`},
	},
	{
		name:  "auth-provider",
		files: config(known, "token: t, auth-provider: {name: gcp}"),
		fails: []string{"{{.Dir}}/config", `user "u": auth-provider is not supported; use exec`},
	},
}

// with adds files to others: name, text, name, text.
func with(files map[string]string, more ...string) map[string]string {
	for i := 0; i < len(more); i += 2 {
		files[more[i]] = more[i+1]
	}
	return files
}

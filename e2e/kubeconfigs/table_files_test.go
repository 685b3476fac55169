package kubeconfigs

// How to get there.
var proxyRows = []row{
	{
		name:  "HTTP proxy",
		files: config(known+", proxy-url: 'http://{{.Proxies.HTTP}}'", "token: t"),
		want:  seen{Server: "server", Via: "http://127.0.0.1:{{.Port}}", Authorization: "Bearer t", Protocol: "HTTP/2.0"},
	},
	{
		name:  "HTTP proxy with a password",
		files: config(known+", proxy-url: 'http://us%20er:p%40ss@{{.Proxies.HTTP}}/'", "token: t"),
		want:  seen{Via: "http://us er:p@ss@127.0.0.1:{{.Port}}", Authorization: "Bearer t"},
	},
	{
		name:  "HTTP proxy to a name that only it knows",
		files: config("server: 'https://api.test:{{.Port}}', certificate-authority: ca.crt, proxy-url: 'HTTP://{{.Proxies.HTTP}}'", "token: t"),
		want:  seen{Via: "http://api.test:{{.Port}}", SNI: "api.test", Host: "api.test:{{.Port}}"},
	},
	{
		name:  "HTTP proxy and tls-server-name",
		files: config("server: 'https://api.test:{{.Port}}', certificate-authority: ca.crt, tls-server-name: other.test, proxy-url: 'http://{{.Proxies.HTTP}}'", "token: t"),
		want:  seen{Via: "http://api.test:{{.Port}}", SNI: "other.test", Host: "api.test:{{.Port}}"},
	},
	{
		name:  "HTTP proxy to IPv6",
		files: config("server: '{{.Server6}}', certificate-authority: ca.crt, proxy-url: 'http://{{.Proxies.HTTP}}'", "token: t"),
		want:  seen{Server: "server6", Via: "http://[::1]:{{.Port6}}"},
	},
	{
		name:  "HTTPS proxy",
		files: config(known+", proxy-url: 'https://{{.Proxies.HTTPS}}'", "token: t"),
		want:  seen{Via: "https://127.0.0.1:{{.Port}}", Authorization: "Bearer t"},
	},
	{
		name:  "HTTPS proxy with a password",
		files: config(known+", proxy-url: 'https://user:pass@{{.Proxies.HTTPS}}'", "client-certificate: client.crt, client-key: client.key"),
		want:  seen{Via: "https://user:pass@127.0.0.1:{{.Port}}", Certificate: "client"},
	},
	{
		name:  "HTTPS proxy that the CA does not vouch for",
		files: config(server+", certificate-authority: other-ca.crt, proxy-url: 'https://{{.Proxies.HTTPS}}'", "token: t"),
		fails: []string{"the proxy's certificate is not trusted", "{{.Dir}}/other-ca.crt"},
	},
	{
		name:  "HTTP proxy does not weaken the trust in the server",
		files: config(server+", certificate-authority: other-ca.crt, proxy-url: 'http://{{.Proxies.HTTP}}'", "token: t"),
		fails: []string{"the server's certificate is not trusted"},
	},
	{
		name:  "SOCKS5 proxy",
		files: config(known+", proxy-url: 'socks5://{{.Proxies.SOCKS}}'", "token: t"),
		want:  seen{Via: "socks5://127.0.0.1:{{.Port}}", Authorization: "Bearer t"},
	},
	{
		name:  "SOCKS5 proxy with a password",
		files: config(known+", proxy-url: 'socks5://user:pass@{{.Proxies.SOCKS}}'", "token: t"),
		want:  seen{Via: "socks5://user:pass@127.0.0.1:{{.Port}}"},
	},
	{
		name:  "SOCKS5 proxy to a name that only it knows",
		files: config("server: 'https://api.test:{{.Port}}', certificate-authority: ca.crt, proxy-url: 'socks5://{{.Proxies.SOCKS}}'", "token: t"),
		want:  seen{Via: "socks5://api.test:{{.Port}}", SNI: "api.test"},
	},
	{
		name:  "SOCKS5 proxy to IPv6",
		files: config("server: '{{.Server6}}', certificate-authority: ca.crt, proxy-url: 'socks5://{{.Proxies.SOCKS}}'", "token: t"),
		want:  seen{Server: "server6", Via: "socks5://[::1]:{{.Port6}}"},
	},
	{
		name:  "proxy that refuses",
		files: config(known+", proxy-url: 'http://{{.Proxies.Refusing}}'", "token: t"),
		fails: []string{"(proxy {{.Proxies.Refusing}})", "407"},
	},
	{
		name:  "proxy that is not there",
		files: config(known+", proxy-url: 'http://127.0.0.1:1'", "token: t"),
		fails: []string{"connect to 127.0.0.1:{{.Port}} (proxy 127.0.0.1:1): connection refused; is the proxy running?"},
	},
	{
		name:  "proxy with a name that nobody knows",
		files: config(known+", proxy-url: 'http://proxy.invalid:1'", "token: t"),
		fails: []string{"the proxy has no such host name; check proxy-url or HTTPS_PROXY"},
	},
	{
		name:  "proxy of an unknown kind",
		files: config(known+", proxy-url: 'ftp://{{.Proxies.HTTP}}'", "token: t"),
		fails: []string{"{{.Dir}}/config", `cluster "k": proxy-url: expected http://`},
	},
	{
		name:  "proxy without a kind",
		files: config(known+", proxy-url: '{{.Proxies.HTTP}}'", "token: t"),
		fails: []string{"{{.Dir}}/config", `cluster "k": proxy-url: expected http://`},
	},
	{
		name:  "proxy with a line break",
		files: config(known+`, proxy-url: "http://{{.Proxies.HTTP}}\r\nX-Injected: yes"`, "token: t"),
		fails: []string{"{{.Dir}}/config", `cluster "k": proxy-url: holds a space or a control character`},
	},
	{
		name:  "proxy of the environment",
		files: config("server: 'https://api.test:{{.Port}}', certificate-authority: ca.crt", "token: t"),
		env:   []string{"HTTPS_PROXY=http://user:pass@{{.Proxies.HTTP}}", "NO_PROXY=other.test,10.0.0.0/8", "HTTP_PROXY=http://127.0.0.1:1"},
		want:  seen{Via: "http://user:pass@api.test:{{.Port}}", Authorization: "Bearer t"},
	},
	{
		name:  "proxy of the environment without a kind, in small letters",
		files: config("server: 'https://api.test:{{.Port}}', certificate-authority: ca.crt", "token: t"),
		env:   []string{"https_proxy={{.Proxies.HTTP}}", "no_proxy=api.test:1,.api.test"},
		want:  seen{Via: "http://api.test:{{.Port}}"},
	},
	{
		name:  "proxy of the environment is not for loopback",
		files: config(known, "token: t"),
		env:   []string{"HTTPS_PROXY=http://{{.Proxies.HTTP}}", "ALL_PROXY=http://{{.Proxies.HTTP}}"},
		want:  seen{Server: "server", Authorization: "Bearer t"},
	},
	{
		name:  "proxy of the kubeconfig before that of the environment",
		files: config("server: 'https://api.test:{{.Port}}', certificate-authority: ca.crt, proxy-url: 'socks5://{{.Proxies.SOCKS}}'", "token: t"),
		env:   []string{"HTTPS_PROXY=http://{{.Proxies.HTTP}}", "NO_PROXY=*"},
		want:  seen{Via: "socks5://api.test:{{.Port}}"},
	},
	{
		name:  "proxy that is not stated with an empty text",
		files: config(known+", proxy-url: ''", "token: t"),
		want:  seen{Server: "server"},
	},
}

const contexts = "contexts: [{name: a, context: {cluster: k, user: a}}, {name: b, context: {cluster: k, user: b}}, " +
	"{name: nobody, context: {cluster: k}}, {name: nowhere, context: {cluster: none, user: a}}, " +
	"{name: noone, context: {cluster: k, user: none}}]\n" +
	"clusters: [{name: k, cluster: {" + known + "}}]\n" +
	"users: [{name: a, user: {token: of-a}}, {name: b, user: {token: of-b}}]\n"

// Which files and which of their entries count.
var fileRows = []row{
	{
		name: "several files, the first to name something wins with the whole of it",
		files: map[string]string{
			"one":     "current-context: c\nusers: [{name: u, user: {tokenFile: token}}]\n",
			"sub/two": "current-context: d\ncontexts: [{name: c, context: {cluster: k, user: u}}]\nclusters: [{name: k, cluster: {" + server + ", certificate-authority: ca.crt}}]\nusers: [{name: u, user: {token: second, as: jane}}]\n",
			"three":   "clusters: [{name: k, cluster: {server: 'https://127.0.0.1:1'}}]\ncontexts: [{name: d, context: {cluster: k}}]\n",
			"token":   "first",
		},
		list: []string{"one", "sub/two", "none", "", "three", "one"},
		want: seen{Authorization: "Bearer first"},
	},
	{
		name:  "several files, the first to set a current context wins",
		files: map[string]string{"one": contexts, "two": "current-context: b\n", "three": "current-context: a\n"},
		list:  []string{"one", "two", "three"},
		want:  seen{Authorization: "Bearer of-b"},
	},
	{
		name:  "several files of which none is there",
		files: map[string]string{},
		list:  []string{"none", "nor-this"},
		fails: []string{"KUBECONFIG=none:nor-this: no such file"},
	},
	{
		name:  "several files of which one is broken",
		files: map[string]string{"one": contexts + "current-context: a\n", "two": "{"},
		list:  []string{"one", "two"},
		fails: []string{"{{.Dir}}/two: line"},
	},
	{
		name:    "context that is asked for",
		files:   map[string]string{"config": contexts + "current-context: a\n"},
		context: "b",
		want:    seen{Authorization: "Bearer of-b"},
	},
	{
		name:    "context that is not there",
		files:   map[string]string{"config": contexts + "current-context: a\n"},
		context: "none",
		fails:   []string{"{{.Dir}}/config", `there is no context "none"`},
	},
	{
		name:  "current context that is not there",
		files: map[string]string{"config": contexts + "current-context: none\n"},
		fails: []string{"{{.Dir}}/config", `there is no context "none"`},
	},
	{
		name:  "no current context",
		files: map[string]string{"config": contexts},
		fails: []string{"{{.Dir}}/config", "no current-context is set"},
	},
	{
		name:    "context without a user",
		files:   map[string]string{"config": contexts},
		context: "nobody",
		want:    seen{Server: "server"},
	},
	{
		name:    "context of an unknown cluster",
		files:   map[string]string{"config": contexts},
		context: "nowhere",
		fails:   []string{"{{.Dir}}/config", `context "nowhere": there is no cluster "none"`},
	},
	{
		name:  "two users of one name",
		files: config(known, "token: t}}, {name: u, user: {token: other"),
		fails: []string{"{{.Dir}}/config", `users: the name "u" is there twice`},
	},
	{
		name: "JSON",
		files: map[string]string{"config": `{"kind":"Config","apiVersion":"v1","preferences":{},"current-context":"c",
	"contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],
	"clusters":[{"name":"k","cluster":{"server":"{{.Server}}","certificate-authority":"ca.crt"}}],
	"users":[{"name":"u","user":{"token":"t"}}]}`},
		want: seen{Authorization: "Bearer t"},
	},
	{
		name:  "the file is not there",
		files: map[string]string{},
		fails: []string{"{{.Dir}}/config: No such file"},
	},
	{
		name:  "the file is empty",
		files: map[string]string{"config": ""},
		fails: []string{"{{.Dir}}/config", "no current-context is set"},
	},
	{
		name:  "the file is a list",
		files: map[string]string{"config": "- a\n"},
		fails: []string{"{{.Dir}}/config: line 1: expected a map"},
	},
	{
		name:  "the usual file in the home folder",
		files: map[string]string{".kube/config": text(server+", certificate-authority: ../ca.crt", "token: usual")},
		list:  []string{},
		want:  seen{Authorization: "Bearer usual"},
	},
}

// What Rampart does in another way.
var differenceRows = []row{
	{
		name:    "context of an unknown user",
		files:   map[string]string{"config": contexts},
		context: "noone",
		fails:   []string{"{{.Dir}}/config", `context "noone": there is no user "none"`},
		differs: "client-go is nobody then; who names a user does not mean that",
	},
	{
		name:    "server without TLS",
		files:   config("server: 'http://127.0.0.1:{{.Plain}}'", "token: t"),
		fails:   []string{"{{.Dir}}/config", "server: http is refused"},
		differs: "client-go connects without TLS and leaves every credential out; an operator is of no use then",
	},
	{
		name:    "YAML 1.1 booleans",
		files:   config(server+", insecure-skip-tls-verify: yes", "token: t"),
		fails:   []string{"{{.Dir}}/config", "insecure-skip-tls-verify"},
		differs: "YAML 1.2 is read, to which yes is a string",
	},
	{
		name:    "YAML anchors",
		files:   config(known, "token: &t t, as: *t"),
		fails:   []string{"{{.Dir}}/config: line"},
		differs: "anchors and aliases are refused in all YAML: they blow small files up",
	},
	{
		name:    "server with a user in the URL",
		files:   config("server: 'https://user:pass@127.0.0.1:{{.Port}}', certificate-authority: ca.crt", "token: t"),
		fails:   []string{"{{.Dir}}/config", "server: expected https://host:port without a user"},
		differs: "a password in a URL would be seen in messages and logs",
	},
}

// Package kubeconfigs holds a table of kubeconfigs. Each is read by client-go and by Rampart, and both must
// make the same connection: to the same address, through the same proxy, with the same name in the TLS
// handshake, the same trust, certificate, credential and impersonation. Where client-go fails, Rampart must
// fail too, and say in which file and field. What Rampart reads differently on purpose is in the table, with
// the reason.
//
// No control plane takes part: servers on loopback write down who connects to them and how, and forbid
// everything.
package kubeconfigs

package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Cable is laid in front of a proxy and carries bytes. It is a toxiproxy, whose toxics are the troubles.
type Cable struct {
	URL string

	proxy *Proxy
	wire  *toxiproxy.Proxy
}

// LayCable starts one. An operator behind it needs the cable's kubeconfig.
func (p *Proxy) LayCable() (*Cable, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	wire := toxiproxy.NewProxy(server, "cable", "127.0.0.1:0", strings.TrimPrefix(p.URL, "https://"))
	if err := wire.Start(); err != nil {
		return nil, fmt.Errorf("cable: %w", err)
	}
	return &Cable{URL: "https://" + wire.Listen, proxy: p, wire: wire}, nil
}

// Kubeconfig writes to path a copy of a kubeconfig that leads through the cable and the proxy.
func (c *Cable) Kubeconfig(original, path string) error {
	return c.proxy.cluster.KubeconfigThrough(original, c.URL, path)
}

// Close takes it away, with its connections.
func (c *Cable) Close() { c.wire.Stop() }

// Cut has both sides send into nothing: no answer, no FIN, no RST, for connections that there are and for new
// ones.
func (c *Cable) Cut() error { return c.both("timeout", map[string]any{"timeout": 0}) }

// Latency delays what goes in either direction.
func (c *Cable) Latency(ms, jitterMs int) error {
	return c.both("latency", map[string]any{"latency": ms, "jitter": jitterMs})
}

// Drip lets so many kilobytes a second through to the operator.
func (c *Cable) Drip(kilobytes int) error {
	return c.add("downstream", "bandwidth", map[string]any{"rate": kilobytes})
}

// Slice hands what goes to the operator out in pieces of about so many bytes, with pauses.
func (c *Cable) Slice(size, pauseUs int) error {
	return c.add("downstream", "slicer", map[string]any{
		"average_size": size, "size_variation": size / 2, "delay": pauseUs,
	})
}

// Reset answers the next byte from the server with an RST, on connections that are made from now on.
func (c *Cable) Reset() error { return c.add("downstream", "reset_peer", map[string]any{"timeout": 0}) }

// Mend ends all troubles. Connections that were cut or reset end.
func (c *Cable) Mend() { c.wire.Toxics.ResetToxics(context.Background()) }

func (c *Cable) both(kind string, attributes map[string]any) error {
	if err := c.add("upstream", kind, attributes); err != nil {
		return err
	}
	return c.add("downstream", kind, attributes)
}

func (c *Cable) add(direction, kind string, attributes map[string]any) error {
	text, err := json.Marshal(map[string]any{
		"type": kind, "stream": direction, "toxicity": 1.0, "attributes": attributes,
	})
	if err != nil {
		return err
	}
	_, err = c.wire.Toxics.AddToxicJson(strings.NewReader(string(text)))
	if err != nil {
		return fmt.Errorf("cable: %s: %w", kind, err)
	}
	return nil
}

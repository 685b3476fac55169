package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// The plot: two panels side by side over the number of namespaces, memory and processor time.
const (
	plotWidth, plotHeight = 860, 380
	panelWidth            = 330.0
	panelHeight           = 250.0
	panelTop              = 70.0
	panelGap              = 90.0
	panelLeft             = 60.0
	gridLines             = 5
)

var lineColours = map[Name]string{Floor: "#8a8f98", Reference: "#d2691e", Rampart: "#1f6feb"}

// panel is one of the two.
type panel struct {
	title string
	left  float64
	of    func(Point) float64
}

// Plot is cost against the number of namespaces, as SVG.
func (r *Report) Plot() []byte {
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" `+
		`role="img" aria-label="Memory and processor time against the number of namespaces">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&svg, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", plotWidth, plotHeight)
	r.legend(&svg)
	for i, p := range []panel{
		{title: "memory (RSS), MB", of: func(p Point) float64 { return float64(p.Memory.RSS) / mb }},
		{title: "processor time since the start, s", of: func(p Point) float64 { return p.CPU }},
	} {
		p.left = panelLeft + float64(i)*(panelWidth+panelGap)
		r.panel(&svg, p)
	}
	svg.WriteString("</svg>\n")
	return []byte(svg.String())
}

func (r *Report) legend(svg *strings.Builder) {
	x := panelLeft
	for _, name := range r.Sizes.Growing {
		fmt.Fprintf(svg, `<line x1="%.0f" y1="24" x2="%.0f" y2="24" stroke="%s" stroke-width="3"/>`+
			`<text x="%.0f" y="28" fill="#1f2328">%s</text>`+"\n", x, x+24, lineColours[name], x+30, name)
		x += 130
	}
}

func (r *Report) panel(svg *strings.Builder, p panel) {
	most := 0.0
	for _, points := range r.Scale {
		for _, point := range points {
			most = max(most, p.of(point))
		}
	}
	top := niceTop(most)
	y := func(value float64) float64 { return panelTop + panelHeight*(1-value/top) }
	x := r.across(p.left)

	fmt.Fprintf(svg, `<text x="%.0f" y="%.0f" fill="#1f2328" font-weight="bold">%s</text>`+"\n", p.left, panelTop-16, p.title)
	for i := range gridLines + 1 {
		value := top * float64(i) / gridLines
		fmt.Fprintf(svg, `<line x1="%.0f" y1="%.1f" x2="%.0f" y2="%.1f" stroke="#d8dee4"/>`+
			`<text x="%.0f" y="%.1f" fill="#57606a" text-anchor="end">%.4g</text>`+"\n",
			p.left, y(value), p.left+panelWidth, y(value), p.left-8, y(value)+4, value)
	}
	for _, size := range r.Sizes.Scale {
		fmt.Fprintf(svg, `<text x="%.0f" y="%.0f" fill="#57606a" text-anchor="middle">%d</text>`+"\n",
			x(size), panelTop+panelHeight+18, size)
	}
	fmt.Fprintf(svg, `<text x="%.0f" y="%.0f" fill="#57606a" text-anchor="middle">namespaces</text>`+"\n",
		p.left+panelWidth/2, panelTop+panelHeight+38)
	for _, name := range r.Sizes.Growing {
		places := []string{}
		for _, point := range r.Scale[name] {
			places = append(places, fmt.Sprintf("%.1f,%.1f", x(point.Namespaces), y(p.of(point))))
		}
		if len(places) == 0 {
			continue
		}
		fmt.Fprintf(svg, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2.5"/>`+"\n",
			strings.Join(places, " "), lineColours[name])
		for _, place := range places {
			at := strings.Split(place, ",")
			fmt.Fprintf(svg, `<circle cx="%s" cy="%s" r="3" fill="%s"/>`+"\n", at[0], at[1], lineColours[name])
		}
	}
}

// across places numbers of namespaces: each doubling takes the same room.
func (r *Report) across(left float64) func(int) float64 {
	sizes := r.Sizes.Scale
	if len(sizes) < 2 {
		return func(int) float64 { return left + panelWidth/2 }
	}
	least, most := math.Log(float64(slices.Min(sizes))), math.Log(float64(slices.Max(sizes)))
	return func(size int) float64 {
		return left + panelWidth*(math.Log(float64(size))-least)/(most-least)
	}
}

// niceTop is the end of a scale that holds the value: 1, 2, 2.5 or 5 times a power of ten.
func niceTop(value float64) float64 {
	if value <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(value)))
	for _, times := range []float64{1, 2, 2.5, 5} {
		if value <= times*unit {
			return times * unit
		}
	}
	return 10 * unit
}

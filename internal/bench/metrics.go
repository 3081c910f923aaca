package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// scrape reads a node's metrics, by name with labels as they stand there.
func scrape(ctx context.Context, api netip.AddrPort) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/metrics", api), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metrics: %s", response.Status)
	}
	all := make(map[string]float64)
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if number, err := strconv.ParseFloat(value, 64); err == nil {
			all[name] = number
		}
	}
	return all, lines.Err()
}

// The metrics that are looked at.
const (
	goroutinesMetric = "go_goroutines"
	mallocsMetric    = "go_memstats_mallocs_total"
	packetsIn        = `spillway_rtp_packets_total{direction="in"}`
	stuck            = "spillway_stuck_callers_total"
	violations       = "spillway_invariant_violations_total"
)

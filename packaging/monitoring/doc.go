// Package monitoring is what an SRE loads beside the metrics: alert rules for Prometheus and a dashboard for Grafana. It
// holds no code. The tests run the rules with promtool, and hold every metric, label and condition that is named here
// against a real scrape of agent and backend.
//
//	alerts.yml        rules; in prometheus.yml: rule_files: [alerts.yml]
//	alerts.test.yml   the stories that prove them: promtool test rules alerts.test.yml
//	dashboard.json    import it in Grafana; it asks for the data source
//
// The rules expect the job name shelf-agent for the rigs. A rig's metrics are on its loopback address only; an agent of
// Prometheus on the rig, or a tunnel, takes them along.
package monitoring

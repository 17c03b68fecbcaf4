import AdminCommands
import Testing

@Suite struct StatusTests {
    @Test(arguments: [
        ("state", "running", "martlet_up 1\n"),
        ("state", "disk full", "martlet_up 0\n"),
        ("uptime", "12", "martlet_uptime_seconds 12\n"),
        ("sessions-imap", "3", "martlet_sessions{protocol=\"imap\"} 3\n"),
        ("checkpoint-age", "9", "martlet_checkpoint_age_seconds 9\n"),
        ("checkpoint-age", "", ""),
        ("scrub-state", "waiting", ""),
        ("log-octets", "18446744073709551615", "martlet_log_octets 18446744073709551615\n"),
        ("volume-state:fast", "running", "martlet_volume_up{volume=\"fast\"} 1\n"),
        ("volume-state:fast", "the disk is full", "martlet_volume_up{volume=\"fast\"} 0\n"),
        ("volume-free-octets:a\\b", "12", "martlet_volume_free_octets{volume=\"a\\\\b\"} 12\n"),
        ("scrub-current-findings", "0", "martlet_scrub_current_findings 0\n"),
    ])
    func metrics(_ figure: String, _ value: String, _ line: String) {
        #expect(statusMetric(figure, value) == line)
    }
}

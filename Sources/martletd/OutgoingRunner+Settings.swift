import Delivery
import Logging
import ServerConfig
import ServerCore
import Submission
import Wiring

extension OutgoingRunner.Options {
    /// What the settings say of mails that wait for the MTA.
    init(_ settings: Settings, _ logger: Logger) {
        // The program itself, or the connection, is the submit role's.
        self.init(
            SubmitTransport(
                canSend: settings.canSend, client: SubmitClient(settings.general.baseDirectory + "/submit")))
        self.firstPause = settings.outgoingQueue.firstPause
        self.longestPause = settings.outgoingQueue.longestPause
        self.lifetime = settings.outgoingQueue.lifetime
        self.hostname = MailServices.hostname(settings)
        self.postmaster = settings.postmaster(hostname: self.hostname)
        self.clock = { UnixTime.now().seconds }
        self.report = { logger.warning("\($0)") }
        self.log = { logger.info("\($0)") }
    }
}

extension Settings {
    /// The address of who is responsible, for no user in particular.
    func postmaster(hostname: String) -> String {
        Expansion.expand(self.delivery.postmasterAddress) { $0 == "hostname" ? hostname : nil }
    }
}

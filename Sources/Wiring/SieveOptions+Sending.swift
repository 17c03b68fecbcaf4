import Delivery
public import ServerConfig
import SieveCore

extension Settings {
    /// Whether there is an MTA that takes mail of scripts.
    public var canSend: Bool { !self.submission.host.isEmpty || !self.delivery.sendmailPath.isEmpty }
}

extension SieveOptions {
    /// What the settings say of mail that scripts send.
    mutating func take(_ settings: ScriptMailSettings) {
        self.userEmail = settings.userEmail
        self.redirectDuplicatePeriod = settings.redirectDuplicatePeriod
        self.policy.redirectSender = SievePolicy.AddressSource(settings.redirectSender) ?? .sender
        self.policy.notifySender = SievePolicy.AddressSource(settings.notifySender)
        self.policy.maximumNotifications = settings.maximumNotifications
        self.policy.duplicatePeriod = settings.duplicatePeriod.components.seconds
        self.policy.maximumDuplicatePeriod = settings.maximumDuplicatePeriod.components.seconds
        let vacation = settings.vacation
        self.policy.vacation.minimumPeriod = vacation.minimumPeriod.components.seconds
        self.policy.vacation.maximumPeriod = vacation.maximumPeriod.components.seconds
        self.policy.vacation.defaultPeriod = vacation.defaultPeriod.components.seconds
        self.policy.vacation.defaultSubject = vacation.defaultSubject.isEmpty ? nil : vacation.defaultSubject
        self.policy.vacation.subjectTemplate = vacation.subjectTemplate.isEmpty ? nil : vacation.subjectTemplate
        self.policy.vacation.maximumSubject = vacation.maximumSubject
        self.policy.vacation.usesOriginalRecipient = vacation.usesOriginalRecipient
        self.policy.vacation.checksRecipient = vacation.checksRecipient
        self.policy.vacation.sendsFromRecipient = vacation.sendsFromRecipient
        self.policy.vacation.repliesToHeader = vacation.repliesToHeader
    }
}

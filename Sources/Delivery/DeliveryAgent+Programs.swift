import MIMECore
import MailCore
import MailStore
import SieveCore

/// What waits for programs.
extension DeliveryAgent {
    /// The plans of scripts that wait for programs, each on a thread of those.
    func waitingPlans(
        _ indices: [Int], _ keeps: [MailboxName], _ mailboxes: [Int: MailboxDirectory], _ message: IncomingMessage,
        _ envelope: DeliveryEnvelope, _ recipients: [DeliveryRecipient], _ interruption: ScriptInterruption
    ) async -> [(Int, DeliveryPlan)] {
        guard let planner = self.planner else { return [] }
        let programs = self.programs
        return await withTaskGroup(of: (Int, DeliveryPlan).self) { group in
            for index in indices {
                group.addTask {
                    let (recipient, keep, known) = (recipients[index], keeps[index], mailboxes[index])
                    do throws(StoreError) {
                        let attempt = try await programs.run(for: recipient.account.identity.name) {
                            () throws(StoreError) -> SievePlanner.Attempt in
                            message.octets.withUnsafeBytes { bytes in
                                let view = SieveMessage(
                                    Octets(bytes), limits: planner.options.limits, converter: .system)
                                return planner.plan(
                                    bytes, view, envelope, recipient, keepMailbox: keep, mailboxes: known,
                                    mayWait: true, until: interruption)
                            }
                        }
                        if case .plan(let plan) = attempt { return (index, plan) }
                        // A script has changed meanwhile and asks for more: the MTA comes again.
                        return (index, DeliveryPlan(failure: StoreError(.temporary, "a script changed meanwhile")))
                    } catch {
                        return (index, DeliveryPlan(failure: error))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    // MARK: Programs

    /// Gives messages to the programs of their plans. What a program does not take is kept.
    func pipe(
        _ message: IncomingMessage, _ envelope: DeliveryEnvelope, _ recipients: [DeliveryRecipient],
        _ plans: inout [DeliveryPlan], _ interruption: ScriptInterruption
    ) async {
        guard let planner = self.planner else { return }
        let runner = SieveProgramRunner(planner.options.programs)
        for index in plans.indices where plans[index].failure == nil {
            let recipient = recipients[index]
            for pipe in plans[index].pipes {
                let input = plans[index].message(pipe.message, message)
                let context = planner.context(envelope, recipient)
                var complaint: String
                do throws(StoreError) {
                    complaint = try await self.programs.run(for: recipient.account.identity.name) {
                        () throws(StoreError) -> String in
                        try input.octets.withUnsafeBytes { (bytes) throws(StoreError) in
                            try runner.run(pipe.call, bytes, for: context, until: interruption).complaint
                        }
                    }
                } catch {
                    complaint = error.detail
                }
                if interruption.isInterrupted {
                    plans[index].failure = StoreError(.temporary, "interrupted while a program ran")
                    break
                }
                guard !complaint.isEmpty else { continue }
                let user = recipient.account.identity.name
                planner.options.report("user \(user): sieve: pipe to \(pipe.call.program): \(complaint)")
                complaint = "\(pipe.origin): error: pipe to \"\(pipe.call.program)\": \(complaint)"
                if !pipe.call.mayFail {
                    plans[index].store(in: pipe.fallback)
                    complaint += "; the message was kept"
                }
                let line = complaint
                try? await self.store.threads.run { () throws(StoreError) in
                    planner.noteAsOwner([line], envelope, recipient)
                }
            }
        }
    }
}

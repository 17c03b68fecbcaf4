import IMAPCore
import MailCore
import MailSearch
import MailStore

/// Where the messages of an APPEND go, and of a REPLACE the message that leaves.
struct AppendTarget {
    let account: any MailAccount
    let name: MailboxName
    let replaced: (mailbox: any Mailbox, uid: UID)?
}

/// Why there is no such place.
struct NoAppendTarget: Error {
    /// `nil` for a mistake of the client, which is answered with BAD.
    let code: ResponseCode?
    let text: StaticString
}

extension Session {
    func appendTarget(_ command: AppendCommand) async -> Result<AppendTarget, NoAppendTarget> {
        guard let account = self.account else {
            return .failure(NoAppendTarget(code: nil, text: "Please log in first"))
        }
        var replaced: (mailbox: any Mailbox, uid: UID)?
        if let message = command.replaced {
            switch self.replacedMessage(message) {
            case .success(let found): replaced = found
            case .failure(let reason): return .failure(reason)
            }
        }
        var wanted: MailboxName?
        do throws(StoreError) {
            guard let name = try await self.mailbox(command.mailbox) else {
                return .failure(NoAppendTarget(code: .cannot, text: "No mailbox can have that name"))
            }
            wanted = name
            try await self.requireTarget(name, account)
            // What REPLACE removes makes room, which the store sees.
            if replaced == nil { try await account.checkQuota(octets: command.message.size, in: name, .exact) }
            return .success(AppendTarget(account: account, name: name, replaced: replaced))
        } catch {
            self.logFault(error)
            guard error.code == .notFound, let wanted else {
                return .failure(NoAppendTarget(code: error.response.code, text: error.response.text))
            }
            let (code, text) = await self.missingTarget(wanted)
            return .failure(NoAppendTarget(code: code, text: text))
        }
    }

    /// Fails unless there is a mailbox of that name into which messages may be put.
    func requireTarget(_ name: MailboxName, _ account: any MailAccount) async throws(StoreError) {
        _ = try await account.destination(of: name, .fail)
        if !account.enforcesAccessLists { _ = try await account.status(of: name) }
    }

    /// How a target that does not exist is refused: the client is asked to create it where it can.
    func missingTarget(_ name: MailboxName) async -> (code: ResponseCode, text: StaticString) {
        guard let account = self.account, await account.mayCreate(name) else {
            return (.cannot, "No mailbox can have that name")
        }
        return (.tryCreate, "Mailbox does not exist")
    }

    /// The message of REPLACE (RFC 8508 section 3.4).
    private func replacedMessage(
        _ message: AppendCommand.Replaced
    ) -> Result<(mailbox: any Mailbox, uid: UID), NoAppendTarget> {
        guard let selected = self.selected else {
            return .failure(NoAppendTarget(code: nil, text: "No mailbox selected"))
        }
        guard !self.machine.isReadOnly else {
            return .failure(NoAppendTarget(code: .readOnly, text: "Mailbox is read-only"))
        }
        let set = SequenceSet([SequenceSet.Element(first: message.number, last: message.number)])
        guard let indices = selected.view.indices(of: set, message.numbering) else {
            return .failure(NoAppendTarget(code: nil, text: "No such message"))
        }
        guard let index = indices.first?.lowerBound else {
            return .failure(NoAppendTarget(code: .nonExistent, text: "No such message"))
        }
        return .success((selected.mailbox, selected.view[index].uid))
    }
}

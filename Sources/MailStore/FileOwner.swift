import CLinux
import Glibc

extension AccountIdentity {
    /// Runs file work under the ids that own the account's files, so that the kernel decides what may be read.
    ///
    /// The ids are those of the thread, so `body` must not suspend; afterwards the thread has those of the process
    /// again. `.temporary` when the process may not act as the owner: that is for the administrator to mend, and
    /// no reason to refuse mail for good.
    package func asOwner<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        guard let owner = self.owner, owner.uid != geteuid() || owner.gid != getegid() else {
            return try body()
        }
        defer { _ = martlet_act_as_self() }
        guard martlet_act_as(owner.uid, owner.gid) == 0 else {
            throw StoreError(
                .temporary,
                "cannot act as user \(owner.uid), group \(owner.gid) for \(self.name): the mail role lacks "
                    + "CAP_SETUID and CAP_SETGID. martletd looks at its start, as root, whether it needs them: restart it"
            )
        }
        return try body()
    }
}

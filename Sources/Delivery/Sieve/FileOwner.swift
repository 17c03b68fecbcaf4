import CLinux
import Glibc
import MailStore

extension AccountIdentity {
    /// Runs file work under the ids that own the account's files, so that the kernel decides what may be read.
    /// The ids are those of the thread: `body` must not suspend.
    func asFileOwner<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        guard let owner = self.owner, owner.uid != geteuid() || owner.gid != getegid() else {
            return try body()
        }
        defer { _ = martlet_setfsids(geteuid(), getegid()) }
        guard martlet_setfsids(owner.uid, owner.gid) == 0 else {
            throw StoreError(
                .noPermission, "cannot act as user \(owner.uid), group \(owner.gid) for \(self.name)")
        }
        return try body()
    }
}

// IndexedStore

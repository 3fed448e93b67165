/// Slots and numbers of the flatbuffer tables of Arrow IPC metadata.
///
/// Source: Arrow columnar format 1.5, `Message.fbs` and `Schema.fbs`. Slots count from 0 in the
/// order of the fields; a union takes two, its kind and its value.
enum Metadata {
  enum Version {
    static let v4: Int16 = 3
    static let v5: Int16 = 4
  }
  enum Message {
    static let version = 0
    static let headerKind = 1
    static let header = 2
    static let bodyLength = 3
    static let metadata = 4
    static let layout: [UInt8] = [2, 1, 4, 8]
    static let layoutWithMetadata: [UInt8] = [2, 1, 4, 8, 4]
  }
  enum HeaderKind {
    static let schema: UInt8 = 1
    static let dictionaryBatch: UInt8 = 2
    static let recordBatch: UInt8 = 3
  }
  enum Schema {
    static let endianness = 0
    static let fields = 1
    static let metadata = 2
  }
  enum Field {
    static let name = 0
    static let isNullable = 1
    static let typeKind = 2
    static let type = 3
    static let dictionary = 4
    static let children = 5
    static let metadata = 6
  }
  enum DictionaryEncoding {
    static let id = 0
    static let indexType = 1
    static let isOrdered = 2
    static let kind = 3
  }
  enum KeyValue {
    static let key = 0
    static let value = 1
  }
  enum RecordBatch {
    static let length = 0
    static let nodes = 1
    static let buffers = 2
    static let compression = 3
    static let variadicCounts = 4
    /// Two 64-bit numbers: length and null count, or offset and length.
    static let pairByteCount = 16
  }
  enum BodyCompression {
    static let codec = 0
    static let method = 1
  }
  enum DictionaryBatch {
    static let id = 0
    static let data = 1
    static let isDelta = 2
  }
  /// The kinds of the type union.
  enum TypeKind {
    static let null: UInt8 = 1
    static let int: UInt8 = 2
    static let floatingPoint: UInt8 = 3
    static let binary: UInt8 = 4
    static let utf8: UInt8 = 5
    static let bool: UInt8 = 6
    static let decimal: UInt8 = 7
    static let date: UInt8 = 8
    static let time: UInt8 = 9
    static let timestamp: UInt8 = 10
    static let interval: UInt8 = 11
    static let list: UInt8 = 12
    static let structure: UInt8 = 13
    static let union: UInt8 = 14
    static let fixedSizeBinary: UInt8 = 15
    static let fixedSizeList: UInt8 = 16
    static let map: UInt8 = 17
    static let duration: UInt8 = 18
    static let largeBinary: UInt8 = 19
    static let largeUTF8: UInt8 = 20
    static let largeList: UInt8 = 21
    static let runEndEncoded: UInt8 = 22
    static let binaryView: UInt8 = 23
    static let utf8View: UInt8 = 24
    static let listView: UInt8 = 25
    static let largeListView: UInt8 = 26
  }
}

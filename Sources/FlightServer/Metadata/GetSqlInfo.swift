import Columnar
import FlightProtocol

/// `CommandGetSqlInfo`: facts about the server, each of one of six kinds.
enum GetSqlInfo {
  static let schema = Schema(
    Field("info_name", .uint32, isNullable: false),
    Field("value", .union(.dense, kinds, typeIDs: kinds.indices.map { Int8($0) })))

  /// The children of the union; a value's kind is the position of its child.
  private static let kinds = [
    Field("string_value", .utf8), Field("bool_value", .bool), Field("bigint_value", .int64),
    Field("int32_bitmask", .int32), Field("string_list", .list(listItem)),
    Field("int32_to_int32_list_map", .map(entries: mapEntries, keysSorted: false)),
  ]
  private static let listItem = Field("string_data", .utf8)
  private static let mapItem = Field("$data$", .int32)
  private static let mapFields = [
    Field("key", .int32, isNullable: false), Field("value", .list(mapItem)),
  ]
  private static let mapEntries = Field("entries", .structure(mapFields), isNullable: false)

  /// The facts asked for, in that order; all of them when none is named. Numbers that nobody has
  /// defined are left out.
  static func batch(_ command: FlightSQL.CommandGetSqlInfo, facts: ServerFacts) -> Batch {
    let codes: [SQLInfoCode] =
      command.info.isEmpty
      ? SQLInfoCode.allCases : command.info.compactMap { SQLInfoCode(rawValue: $0) }
    var values = UnionValues()
    for code in codes { values.append(facts.value(of: code)) }
    return Batch(
      schema: schema,
      columns: [.fixedWidth(.uint32, codes.map { UInt32?($0.rawValue) }), values.finish()],
      rowCount: codes.count)
  }

  /// The values, each in the child of its kind.
  private struct UnionValues {
    private var selections: [Int] = []
    private var strings: [String?] = []
    private var bools: [Bool?] = []
    private var bigints: [Int64?] = []
    private var int32s: [Int32?] = []
    private var listCounts: [Int?] = []
    private var listItems: [String?] = []
    private var mapCounts: [Int?] = []
    private var keys: [Int32?] = []
    private var valueCounts: [Int?] = []
    private var values: [Int32?] = []

    mutating func append(_ value: SQLInfoValue) {
      selections.append(value.kind)
      switch value {
      case .string(let text): strings.append(text)
      case .bool(let flag): bools.append(flag)
      case .bigint(let number): bigints.append(number)
      case .int32(let number): int32s.append(number)
      case .strings(let list):
        listCounts.append(list.count)
        listItems += list
      case .map(let entries):
        mapCounts.append(entries.count)
        for entry in entries {
          keys.append(entry.key)
          valueCounts.append(entry.values.count)
          values += entry.values.map { Int32?($0) }
        }
      }
    }

    func finish() -> Column {
      let lists = Column.list(mapItem, counts: valueCounts, items: .int32s(values))
      let entries = Column.structure(mapFields, [.int32s(keys), lists], count: keys.count)
      return .denseUnion(
        kinds, selections: selections,
        children: [
          .strings(strings), .bools(bools), .int64s(bigints), .int32s(int32s),
          .list(listItem, counts: listCounts, items: .strings(listItems)),
          .map(mapEntries, counts: mapCounts, entries: entries),
        ])
    }
  }
}

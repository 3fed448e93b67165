import SQL

// How long the SQL front takes for one statement of about 100 bytes, which every request pays.
let statements = [
  "SELECT metric_id, value FROM metrics WHERE metric_id = 'cpu.user.0' AND timestamp > 17000000 LIMIT 100",
  "INSERT INTO warehouse.sales.orders (id, customer, amount) VALUES (123456, 'somebody', 12.50) RETURNING id",
]
let rounds = 200_000

@inline(never)
func measure(_ name: String, _ body: (String) throws -> Int) rethrows {
  var total = 0
  for sql in statements { total &+= try body(sql) }  // what is built once
  let clock = ContinuousClock()
  for sql in statements {
    let start = clock.now
    for _ in 0..<rounds { total &+= try body(sql) }
    let nanoseconds = (clock.now - start) / rounds
    print("\(name) (\(sql.utf8.count) bytes): \(nanoseconds)")
  }
  precondition(total != 0)
}

let policy = MachineAccessPolicy()
measure("tokens") { (try? SQLText($0))?.tokens.count ?? 0 }
measure("tokens, head") { sql in
  ((try? StatementText.split(sql))?.first?.head.verbToken ?? -1) &+ 1
}
measure("tokens, head, policy") { sql in
  guard let statement = (try? StatementText.split(sql))?.first else { return 0 }
  let head = statement.head
  return policy.refusal(of: statement, head: head) == nil ? 1 + head.verbToken : 0
}
measure("tokens, canonical") { (try? StatementText.split($0))?.first?.canonical.utf8.count ?? 0 }
measure("tokens, head, lifted") { sql in
  guard let statement = (try? StatementText.split(sql))?.first else { return 0 }
  return 1 + (statement.lifted(head: statement.head)?.values.count ?? 0)
}

'use strict'

const assert = require('node:assert/strict')
const { before, test } = require('node:test')
const { newClient, newType, pages, ids } = require('./sdk')

let writer
let reader
before(async () => {
  writer = await newClient('query writer')
  reader = await newClient('query reader')
})

test('a query by type finds the records of that type alone, with their data', async () => {
  const [wanted, other] = [newType('wanted'), newType('other')]
  const first = await writer.writeRecord(wanted, { number: '1' }, { place: 'here' })
  await writer.writeRecord(other, { number: '2' })

  const found = (await pages(writer.query(true, null, null, wanted))).flat()
  assert.deepEqual(ids(found), [first.meta.recordId])
  assert.equal(found[0].data.number, '1')
  assert.equal(found[0].meta.plain.place, 'here')
})

test('a query without data brings metadata alone', async () => {
  const type = newType('bare')
  await writer.writeRecord(type, { secret: 'kept' }, { label: 'seen' })

  const [[found]] = await pages(writer.query(false, null, null, type))
  assert.equal(found.meta.plain.label, 'seen')
  assert.notEqual((found.data || {}).secret, 'kept')
})

test('a query by record id finds exactly that record', async () => {
  const type = newType('by-id')
  const records = []
  for (const number of ['1', '2', '3']) records.push(await writer.writeRecord(type, { number }))

  const found = (await pages(writer.query(true, null, records[1].meta.recordId))).flat()
  assert.deepEqual(ids(found), [records[1].meta.recordId])
})

test('plain metadata is matched by eq and and', async () => {
  const type = newType('plain')
  const red = await writer.writeRecord(type, { n: '1' }, { colour: 'red', size: 'l' })
  await writer.writeRecord(type, { n: '2' }, { colour: 'red', size: 's' })
  await writer.writeRecord(type, { n: '3' }, { colour: 'blue', size: 'l' })

  const eq = (name, value) => ({ eq: { name, value } })
  const reds = (await pages(writer.query(true, null, null, type, eq('colour', 'red')))).flat()
  assert.equal(reds.length, 2)
  const both = { and: [eq('colour', 'red'), eq('size', 'l')] }
  const largeReds = (await pages(writer.query(true, null, null, type, both))).flat()
  assert.deepEqual(ids(largeReds), [red.meta.recordId])
  assert.deepEqual(await pages(writer.query(true, null, null, type, eq('colour', 'green'))), [])
})

test("another client's records are found once shared, and no longer once revoked", async () => {
  const type = newType('shared')
  const record = await writer.writeRecord(type, { word: 'hello' })
  const writerId = writer.config.clientId
  const seen = async (who) => (await pages(reader.query(true, who, null, type))).flat()

  assert.deepEqual(await seen('all'), [])
  await writer.share(type, reader.config.clientId)
  for (const who of ['all', writerId]) {
    const found = await seen(who)
    assert.deepEqual(ids(found), [record.meta.recordId])
    assert.equal(found[0].data.word, 'hello')
  }
  assert.deepEqual(await seen(null), [], "without writers, the caller's own records are meant")
  await writer.revoke(type, reader.config.clientId)
  assert.deepEqual(await seen('all'), [])
  await assert.rejects(reader.readRecord(record.meta.recordId))
})

test('a deleted record is found no longer', async () => {
  const type = newType('deleted')
  const record = await writer.writeRecord(type, { n: '1' })
  await writer.deleteRecord(record.meta.recordId, record.meta.version)
  assert.deepEqual(await pages(writer.query(true, null, null, type)), [])
})

'use strict'

const assert = require('node:assert/strict')
const { before, test } = require('node:test')
const { newClient, newType, pages, ids } = require('./sdk')

const RECORDS = 11
let writer
let type
let written

before(async () => {
  writer = await newClient('paging writer')
  type = newType('paged')
  written = []
  for (let number = 0; number < RECORDS; number += 1) {
    // Records of another type in between must not make a page short.
    await writer.writeRecord(newType('noise'), { number: '0' })
    written.push((await writer.writeRecord(type, { number: String(number) })).meta.recordId)
  }
})

const page = (size) => writer.query(true, null, null, type, null, size)

for (const [size, sizes] of [
  [1, Array(RECORDS).fill(1)],
  [5, [5, 5, 1]],
  [RECORDS, [RECORDS]],
  [RECORDS + 1, [RECORDS]],
]) {
  test(`pages of ${size} are full until the end, in the order of writing`, async () => {
    const found = await pages(page(size))
    assert.deepEqual(found.map((records) => records.length), sizes)
    assert.deepEqual(ids(found.flat()), written)
    assert.deepEqual(found.flat().map((record) => record.data.number), written.map((_, number) => String(number)))
  })
}

test('the page after the last one stays empty', async () => {
  const query = page(RECORDS)
  assert.equal((await query.next()).length, RECORDS)
  assert.equal((await query.next()).length, 0)
  assert.equal((await query.next()).length, 0)
})

test('a record written while paging appears on a later page, and none twice', async () => {
  const own = newType('growing')
  const write = async (number) => (await writer.writeRecord(own, { number })).meta.recordId
  const expected = [await write('0'), await write('1'), await write('2')]
  const query = writer.query(true, null, null, own, null, 2)
  const first = await query.next()
  expected.push(await write('3'))
  const rest = await pages(query)
  assert.deepEqual(ids([...first, ...rest.flat()]), expected)
})

test('an update keeps the place of a record', async () => {
  const own = newType('updated')
  const first = await writer.writeRecord(own, { number: '0' })
  const second = await writer.writeRecord(own, { number: '1' })
  const changed = await writer.readRecord(first.meta.recordId)
  changed.data.number = 'changed'
  await writer.updateRecord(changed)

  const found = (await pages(writer.query(true, null, null, own))).flat()
  assert.deepEqual(ids(found), [first.meta.recordId, second.meta.recordId])
  assert.equal(found[0].data.number, 'changed')
})

'use strict'

const assert = require('node:assert/strict')
const { randomUUID } = require('node:crypto')
const { beforeEach, test } = require('node:test')
const { idOf, ids, newClient, newType, pages } = require('../sdk')

let writer
let reader
let type
beforeEach(async () => {
  writer = await newClient('bulk writer')
  reader = await newClient('bulk reader')
  type = newType('bulk')
})

const write = async (word, of = type) => (await writer.writeRecord(of, { word })).meta.recordId

test('many records are deleted in one call, and the others stay', async () => {
  const [first, second, third] = [await write('1'), await write('2'), await write('3')]
  await writer.deleteRecordsBulk([first, third])
  assert.deepEqual(ids((await pages(writer.query(true, null, null, type))).flat()), [second])
  await assert.rejects(writer.readRecord(first), /Not Found/)
})

test('what is not there is named, and the rest is deleted', async () => {
  const [there, absent] = [await write('1'), randomUUID()]
  const answer = await writer.deleteRecordsBulk([there, absent])
  assert.deepEqual(answer.record_delete_error, { 'N/A': [{ record_id: absent, error: 'Not Found' }] })
  await assert.rejects(writer.readRecord(there), /Not Found/)
})

test("others' records are not deleted, whether one may read them or not", async () => {
  const [shared, kept] = [await write('shared'), await write('kept', newType('kept'))]
  await writer.share(type, idOf(reader))
  const answer = await reader.deleteRecordsBulk([shared, kept])
  assert.deepEqual(answer.record_delete_error, {
    [type]: [{ record_id: shared, error: 'Forbidden' }],
    'N/A': [{ record_id: kept, error: 'Not Found' }],
  })
  for (const id of [shared, kept]) assert.ok((await writer.readRecord(id)).data.word)
})

test('a reader gives up what was shared with it', async () => {
  const record = await write('hello')
  await writer.share(type, idOf(reader))
  assert.equal((await reader.readRecord(record)).data.word, 'hello')
  assert.equal(await reader.revokeForMe(type, idOf(writer), idOf(reader)), true)
  await assert.rejects(reader.readRecord(record), /Not Found/)
  assert.deepEqual([await writer.outgoingSharing(), await reader.incomingSharing()], [[], []])
  await writer.share(type, idOf(reader))
  assert.equal((await reader.readRecord(record)).data.word, 'hello')
})

test('nobody gives up what others have', async () => {
  const [record, other] = [await write('hello'), await newClient('bulk stranger')]
  await writer.share(type, idOf(reader))
  await assert.rejects(other.revokeForMe(type, idOf(writer), idOf(reader)), /Forbidden/)
  assert.equal((await reader.readRecord(record)).data.word, 'hello')
})

test('the readers of one type are listed', async () => {
  const other = await newClient('bulk other reader')
  await writer.share(newType('noise'), idOf(reader))
  const shares = async () => (await writer.outgoingSharingByRecordType(type)).shares
  assert.deepEqual(await shares(), [])
  await writer.share(type, idOf(reader))
  await writer.share(type, idOf(other))
  const seen = (await shares()).map((share) => [share.reader_id, share.record_type])
  assert.deepEqual(seen.sort(), [[idOf(reader), type], [idOf(other), type]].sort())
  await writer.revoke(type, idOf(reader))
  assert.deepEqual((await shares()).map((share) => share.reader_id), [idOf(other)])
})

'use strict'

const assert = require('node:assert/strict')
const { before, test } = require('node:test')
const { Tozny, allowGroupToEdit, idOf, newClient, newType } = require('../sdk')

let manager
let member
let stranger
before(async () => {
  manager = await newClient('group manager')
  member = await newClient('group member')
  stranger = await newClient('group stranger')
})

async function newGroup(capabilities = { manage: true, read: true, share: true }) {
  return (await manager.createGroup(newType('group'), capabilities, 'of tests')).group.groupID
}

const as = (client, capabilities) => new Tozny.types.GroupMember(idOf(client), capabilities)

// What a client sees of several groups: words by group, in order.
async function words(client, groups, ...paging) {
  const { records } = await client.bulkListRecordsSharedWithGroup(groups, ...paging)
  return Object.fromEntries(records.map((one) => [one.groupID, one.records.map((record) => record.data.word)]))
}

async function sharedWith(group, word, type = newType('shared')) {
  const record = await manager.writeRecord(type, { word })
  await manager.shareRecordWithGroup(group, type)
  return { record, type }
}

test('records of many groups are listed at once', async () => {
  const groups = [await newGroup(), await newGroup()]
  for (const group of groups) await manager.addGroupMembers(group, [as(member, { read: true })])
  await sharedWith(groups[0], 'of the first')
  await sharedWith(groups[1], 'of the second')
  assert.deepEqual(await words(member, groups), { [groups[0]]: ['of the first'], [groups[1]]: ['of the second'] })
})

test('that listing is paged to its end', async () => {
  const groups = [await newGroup(), await newGroup()]
  const type = newType('paged')
  for (const group of groups) await manager.addGroupMembers(group, [as(member, { read: true })])
  for (const word of ['1', '2', '3']) await manager.writeRecord(type, { word })
  for (const group of groups) await manager.shareRecordWithGroup(group, type)
  const seen = []
  let token
  for (let count = 0; token !== '0'; count += 1) {
    assert.ok(count < 10, 'the listing ends')
    const page = await member.bulkListRecordsSharedWithGroup(groups, token ?? 0, 2)
    for (const one of page.records) seen.push(...one.records.map((record) => [one.groupID, record.data.word]))
    token = page.nextToken
  }
  assert.deepEqual(seen, groups.flatMap((group) => ['1', '2', '3'].map((word) => [group, word])))
})

test('members of many groups are listed at once', async () => {
  const groups = [await newGroup(), await newGroup()]
  await manager.addGroupMembers(groups[0], [as(member, { read: true })])
  const { results } = await manager.bulkListGroupMembers(groups)
  const clients = (group) => results[group].map((one) => one.client_id)
  assert.deepEqual(clients(groups[0]), [idOf(manager), idOf(member)])
  assert.deepEqual(clients(groups[1]), [idOf(manager)])
})

test('listings of members are paged', async () => {
  const group = await newGroup()
  for (const client of [member, stranger]) await manager.addGroupMembers(group, [as(client, { read: true })])
  const seen = []
  for (let token = 0, count = 0; count === 0 || token !== 0; count += 1) {
    assert.ok(count < 5, 'the listing ends')
    const page = await manager.listGroupMembers(group, token, 1)
    assert.ok(page.group_members.length <= 1)
    seen.push(...page.group_members.map((one) => one.client_id))
    token = page.next_token
  }
  assert.deepEqual(seen, [manager, member, stranger].map(idOf))
})

test('many groups are read at once, and described anew', async () => {
  const groups = [await newGroup(), await newGroup()]
  await manager.updateGroupDescription(groups[1], 'described anew')
  const { results } = await stranger.listGroupsByID([...groups, '6bc381c7-a41d-45ae-89aa-0890ad654673'])
  assert.deepEqual(Object.keys(results).sort(), [...groups].sort())
  const told = groups.map((group) => results[group].description)
  assert.deepEqual(told, ['of tests', 'described anew'])
  await assert.rejects(stranger.updateGroupDescription(groups[0], 'mine'), /Forbidden/)
})

test('capabilities are replaced', async () => {
  const group = await newGroup()
  await manager.addGroupMembers(group, [as(member, { read: true })])
  await manager.updateGroupMembership(group, [as(member, { share: true, edit: true })])
  const of = async (client) => {
    const request = { clientID: idOf(member), groupIDs: [group], nextToken: 0, max: 10 }
    return (await client.fetchClientGroupCapabilities(request)).results
  }
  assert.deepEqual(await of(manager), { [group]: ['EDIT_CONTENT', 'SHARE_CONTENT'] })
  assert.deepEqual(await of(stranger), { [group]: [] })
  await assert.rejects(member.updateGroupMembership(group, [as(member, { manage: true })]), /Forbidden/)
})

test('groups are found by what a client may do in them', async () => {
  const [client, both] = [await newClient('capable'), await newGroup()]
  const one = await newGroup()
  await manager.addGroupMembers(both, [as(client, { read: true, share: true })])
  await manager.addGroupMembers(one, [as(client, { read: true })])
  const found = async (...capabilities) => {
    const request = { clientId: idOf(client), capabilities, nextToken: 0, max: 10 }
    return (await manager.fetchGroupIDsByCapabilities(request)).groups
  }
  assert.deepEqual(await found('SHARE_CONTENT'), [{ capability: 'SHARE_CONTENT', group_ids: [both] }])
  const [read] = await found('READ_CONTENT')
  assert.deepEqual([read.capability, [...read.group_ids].sort()], ['READ_CONTENT', [both, one].sort()])
})

test('a writer sees which groups may read its types', async () => {
  const groups = [await newGroup(), await newGroup()]
  const { type } = await sharedWith(groups[0], 'hello')
  await manager.shareRecordWithGroup(groups[1], type)
  const seen = await manager.listGroupAllowedReads([type])
  assert.deepEqual([...seen[type]].sort(), [...groups].sort())
  await manager.revokeRecordWithGroup(groups[1], type)
  assert.deepEqual((await manager.listGroupAllowedReads([type]))[type], [groups[0]])
  assert.equal((await member.listGroupAllowedReads([type]))[type], undefined)
})

test('members edit where the writer and the group let them', async () => {
  const group = await newGroup()
  await manager.addGroupMembers(group, [as(member, { read: true, edit: true }), as(stranger, { read: true })])
  const { record, type } = await sharedWith(group, 'first')
  const change = async (client, word) => {
    const [{ records }] = (await client.bulkListRecordsSharedWithGroup([group])).records
    records[0].data.word = word
    return client.updateGroupSharedRecord(records[0], group)
  }
  await assert.rejects(change(member, 'too early'), /Forbidden/)
  await allowGroupToEdit(manager, group, type)
  await change(member, 'second')
  assert.equal((await manager.readRecord(record.meta.recordId)).data.word, 'second')
  await assert.rejects(change(stranger, 'third'), /Forbidden/)
  await manager.updateGroupMembership(group, [as(member, { read: true })])
  await assert.rejects(change(member, 'fourth'), /Forbidden/)
  assert.equal((await manager.readRecord(record.meta.recordId)).data.word, 'second')
})

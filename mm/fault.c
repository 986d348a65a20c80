/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeded faults by name. */
#include "mm/fault.h"

#include <string.h>

bool fault_any;
bool fault_set[NR_FAULTS];

static const struct fault_info infos[NR_FAULTS] = {
	[FAULT_NO_SHOOTDOWN] = {"no-shootdown", "remote harts are not fenced"},
	[FAULT_NO_FENCE] = {"no-fence", "the changing hart does not fence itself"},
	[FAULT_FREE_EARLY] = {"free-early", "table pages are freed before the shootdown"},
	[FAULT_LEAK_TABLE] = {"leak-table", "unlinked table pages are never freed"},
	[FAULT_UNPLUG_EARLY] = {"unplug-early", "the device is told before the unmap"},
	[FAULT_NO_MAP_FENCE] = {"no-map-fence", "no fence after new mappings"},
	[FAULT_NEIGHBOUR_LEAF] = {"neighbour-leaf", "unmap clears the next leaf too"},
	[FAULT_SMALL_LEAF] = {"small-leaf", "leaves are smaller than what fits"},
	[FAULT_MAP_RESERVED] = {"map-reserved", "the direct map covers reserved memory"},
	[FAULT_ADDRESSED_FENCE] = {"addressed-fence", "table pointers are fenced by address"},
	[FAULT_LEAK_RECORDS] = {"leak-records", "the frame table of removed memory is not freed"},
	[FAULT_RECORDS_EARLY] = {"records-early", "the frame table is freed before the shootdown"},
	[FAULT_RECORDS_FIRST] = {"records-first", "the frame table is freed before it is unmapped"},
	[FAULT_MOVE_NO_COPY] = {"move-no-copy", "movable frames move without their content"},
	[FAULT_UNDO_FORGOTTEN] = {"undo-forgotten", "an add that fails leaves its direct map"},
	[FAULT_PGD_LATE] = {"pgd-late", "root entries are made when first needed"},
	[FAULT_FENCE_ODD_HARTS] = {"fence-odd-harts", "tlb.*: no local fence on odd harts"},
	[FAULT_FENCE_ADDRESSED] = {"fence-addressed", "tlb.*: none that names an address"},
	[FAULT_FENCE_SWAP] = {"fence-swap", "tlb.*: address and ASID swapped"},
	[FAULT_FENCE_SECOND] = {"fence-second", "tlb.*: every second one is lost"},
	[FAULT_RFENCE_NONE] = {"rfence-none", "rfence.*: not sent"},
	[FAULT_RFENCE_ODD_HARTS] = {"rfence-odd-harts", "rfence.*: not sent to odd harts"},
	[FAULT_RFENCE_SECOND] = {"rfence-second", "rfence.*: every second one is lost"},
	[FAULT_RFENCE_16_BITS] = {"rfence-16-bits", "rfence.*: size cut to 16 bits"},
	[FAULT_BOOT_HART_HANGS] = {"hang", "the boot hart hangs in the first test, interrupts off"},
	[FAULT_RFENCE_END] = {"rfence-end", "rfence.*: the last page of a range is missed"},
	[FAULT_RFENCE_FIRST_PAGE] = {"rfence-first-page", "rfence.*: only a range's first page"},
	[FAULT_RFENCE_ASID_DROPPED] = {"rfence-asid-dropped", "rfence.*: ASID 0 for any other"},
	[FAULT_RFENCE_MASK_BASE] = {"rfence-mask-base", "rfence.*: hart_mask_base counts as 0"},
	[FAULT_RFENCE_BASE_ALL] = {"rfence-base-all", "rfence.*: hart_mask_base -1 is nobody"},
	[FAULT_RFENCE_SELF] = {"rfence-self", "rfence.*: the caller is not fenced"},
	[FAULT_RFENCE_EARLY] = {"rfence-early-return", "rfence.*: returns before it was sent"},
	[FAULT_RFENCE_MERGE] = {"rfence-merge", "rfence.*: lost if another is under way"},
	[FAULT_RFENCE_ZERO] = {"rfence-zero", "rfence.*: (0, 0) and (0, -1) do nothing"},
	[FAULT_RFENCE_ASLEEP] = {"rfence-asleep", "hsm.*: suspended harts are not fenced"},
	[FAULT_RFENCE_STOPPED] = {"rfence-stopped", "hsm.*: a stopped hart in the mask, no fences"},
	[FAULT_HSM_NO_START_FENCE] = {"hsm-no-start-fence", "hsm.*: no fence on the way back"},
	[FAULT_HSM_LOST] = {"hsm-lost", "hsm.*: a stopped hart is not started again"},
	[FAULT_FENCE_ASID_OTHER] = {"fence-asid-other", "asid.*: another ASID is fenced"},
	[FAULT_FENCE_ASID_ONLY] = {"fence-asid-only", "asid.*: rs2 = asid where x0 is due"},
	[FAULT_RFENCE_ASID_OTHER] = {"rfence-asid-other", "asid.remote: another ASID is fenced"},
	[FAULT_RFENCE_RUNNING] = {"rfence-running", "asid.remote: only harts in that ASID now"},
	[FAULT_ROOT_NO_FENCE] = {"root-no-fence", "satp.root, recycled: no fence"},
	[FAULT_BARE_NEVER] = {"bare-never", "satp.bare: translation stays on"},
	[FAULT_AD_NEIGHBOUR] = {"ad-neighbour", "ad.touch: the next entry changes too"},
	[FAULT_AD_RESURRECT] = {"ad-resurrect", "ad.gone: a cleared entry comes back with D"},
	[FAULT_AD_LOST] = {"ad-lost", "ad.race: D is written with an old entry"},
	[FAULT_AD_LATE] = {"ad-late", "ad.order: D is set behind the store"},
	[FAULT_SSTATUS_KEPT] = {"sstatus-kept", "satp.sum, mxr: the bit stays set"},
	[FAULT_INVAL_NONE] = {"inval-none", "svinval.*: no sinval.vma in the bracket"},
	[FAULT_NAPOT_ONE] = {"napot-one", "svnapot.*: one of 16 entries is changed"},
	[FAULT_FETCH_FIRST] = {"fetch-first", "fetch.straddle*: the other page is fenced"},
	[FAULT_FREED_LINKED] = {"freed-linked", "race.freed_table.*: used anew while linked"},
	[FAULT_FREED_EARLY] = {"freed-early", "race.freed_table.*: used anew before the fence"},
	[FAULT_ROOT_LATE] = {"root-late", "race.new_root_entry: not in copies of the root"},
	[FAULT_INVAL_LAST] = {"inval-last", "svinval.*: the last sinval.vma is lost"},
	[FAULT_DOUBLE_FREE] = {"double-free", "dead table pages are freed twice"},
	[FAULT_WRONG_OWNER] = {"wrong-owner", "table pages go back to another allocator"},
	[FAULT_TABLE_FREED_FIRST] = {"table-freed-first",
				     "table pages are freed before they are unlinked"},
	[FAULT_SPLIT_NO_FENCE] = {"split-no-fence", "a split leaf is not fenced as a pointer"},
	[FAULT_STALE_MERGE] = {"stale-merge", "a merge is not shot down"},
	[FAULT_ONE_PAGE_SHORT] = {"one-page-short", "unmap leaves the last leaf"},
	[FAULT_PROTECT_WHOLE] = {"protect-whole", "rights change for all of a large leaf"},
	[FAULT_CANONICAL_UNCHECKED] = {"canonical-unchecked", "non-canonical addresses are mapped"},
	[FAULT_UNDO_TABLES] = {"undo-tables", "a map that fails leaves its tables"},
	[FAULT_FENCE_U16] = {"fence-u16", "sizes of shootdowns are cut to 16 bits"},
	[FAULT_SIZE_AS_END] = {"size-as-end", "a shootdown takes its size for its end"},
	[FAULT_MAX_PFN_ASSIGNED] = {"max-pfn-assigned", "max_pfn is what was added last"},
	[FAULT_MAX_PFN_STUCK] = {"max-pfn-stuck", "max_pfn stays as it was at boot"},
	[FAULT_OVERLAP_ACCEPTED] = {"overlap-accepted", "hot-add over what is there succeeds"},
	[FAULT_RANGE_UNCHECKED] = {"range-unchecked", "misaligned ranges are not refused as such"},
	[FAULT_MAPPABLE_UNCHECKED] = {"mappable-unchecked",
				      "hot-add does not know where the direct map ends"},
	[FAULT_PIN_IGNORED] = {"pin-ignored", "frames in use are removed"},
	[FAULT_BUSY_AS_ERROR] = {"busy-as-error", "a removal that is refused says another reason"},
	[FAULT_FREE_COUNT_KEPT] = {"free-count-kept", "removed frames still count as free"},
	[FAULT_PLUG_KEPT] = {"plug-kept", "an add that fails leaves its blocks plugged"},
	[FAULT_NACK_IGNORED] = {"nack-ignored", "virtio-mem: NACK is taken for ACK"},
	[FAULT_BUSY_FORGOTTEN] = {"busy-forgotten", "virtio-mem: BUSY is taken for ACK"},
	[FAULT_ERROR_SWALLOWED] = {"error-swallowed", "virtio-mem: ERROR is taken for ACK"},
	[FAULT_LEFTOVERS_TRUSTED] = {"leftovers-trusted",
				     "virtio-mem: leftovers are taken for unplugged"},
	[FAULT_CONFIG_CHANGE_LOST] = {"config-change-lost",
				      "virtio-mem: notices of changes are lost"},
	[FAULT_REQUESTED_STALE] = {"requested-stale",
				   "virtio-mem: a new requested size is not read"},
	[FAULT_PENDING_FORGOTTEN] = {"pending-forgotten",
				     "virtio-mem: blocks that were not taken back are forgotten"},
	[FAULT_REQUEST_U16] = {"request-u16", "virtio-mem: requests of more than 65535 blocks"},
	[FAULT_TRAP_CAUSE] = {"trap-cause", "traps: a store faults as a load"},
	[FAULT_TABLE_UNLOCKED] = {"table-unlocked", "the kernel table changes without its lock"},
	[FAULT_JOB_LOST] = {"job-lost", "harts: the last one does not get its work"},
	[FAULT_LOCK_ORDER] = {"lock-order", "dump: locks are taken the other way round"},
	[FAULT_DUMP_UNLOCKED] = {"dump-unlocked", "dump: memory may go meanwhile"},
	[FAULT_SPLIT_BREAKS] = {"split-breaks", "split: the leaf is gone for a while"},
	[FAULT_PARKED_KEPT] = {"parked-kept", "unmap: entries that are not valid stay"},
	[FAULT_ALIAS_KEPT] = {"alias-kept", "set_memory: the direct map keeps its rights"},
	[FAULT_DEFAULT_KEEPS_X] = {"default-keeps-x", "set_direct_map: default leaves X"},
	[FAULT_ATTR_ANYWHERE] = {"attr-anywhere", "set_memory: also what is not online"},
	[FAULT_PRESENT_LEAF] = {"present-leaf", "kernel_page_present: walks through leaves"},
	[FAULT_WX_UNLOCKED] = {"wx-unlocked", "check for W+X: memory may go meanwhile"},
	[FAULT_HVO_FREE_EARLY] = {"hvo-free-early", "HVO: pages are freed before the shootdown"},
	[FAULT_HVO_FLUSH_SHORT] = {"hvo-flush-short", "HVO: one page of several is shot down"},
	[FAULT_HVO_WRITABLE] = {"hvo-tails-writable", "HVO: tail records stay writable"},
	[FAULT_HVO_NO_RECHECK] = {"hvo-no-recheck", "HVO: a leaf is split twice"},
	[FAULT_HVO_COPIES] = {"hvo-copies", "HVO: restored records are copies of the first page"},
	[FAULT_HVO_FREED] = {"hvo-freed", "HVO: a block is freed without records of its own"},
	[FAULT_HVO_UNDO] = {"hvo-undo", "HVO: a restore that fails keeps its pages"},
	[FAULT_FAKE_HEADS] = {"fake-heads", "remapped records are taken for first ones"},
	[FAULT_RESERVED_AS_OTHER] = {"reserved-as-other",
				     "boot memory's frame table is freed as run-time pages"},
	[FAULT_ALTMAP_DROPPED] = {"altmap-dropped", "records are not carved from the memory"},
	[FAULT_ALTMAP_ROLLBACK] = {"altmap-rollback",
				   "an add that fails frees carved records elsewhere"},
	[FAULT_ALTMAP_DIRTY] = {"altmap-dirty", "carved records are not zeroed"},
	[FAULT_DAX_FIRST] = {"dax-first", "a shared tail page goes with its first entry"},
	[FAULT_DAX_ROLLBACK] = {"dax-rollback", "an add that fails keeps its records"},
	[FAULT_SUBSECTION_LEAF] = {"subsection-leaf",
				   "records of neighbours in the same 2 MiB go too"},
	[FAULT_RECORD_NEIGHBOUR] = {"record-neighbour", "the page behind removed records is freed"},
	[FAULT_RECORD_REPEATS] = {"record-repeats",
				  "record=56: tail records are shared all the same"},
	[FAULT_PMEM_FLUSH_SKIPPED] = {"pmem-flush-skipped", "virtio-pmem: flushes are not sent"},
	[FAULT_PMEM_ERROR_SWALLOWED] = {"pmem-error-swallowed",
					"virtio-pmem: a flush that failed counts as done"},
	[FAULT_DEVMEM_ONLINE] = {"zone-device-online", "device memory can be allocated"},
	[FAULT_DEVMEM_RANGE] = {"zone-device-range", "device memory is mapped wherever it is"},
	[FAULT_DEVMEM_USERS] = {"zone-device-users", "device memory goes while it is used"},
	[FAULT_DIMM_HALF] = {"dimm-half", "half of a module is ejected"},
	[FAULT_DIMM_LOST] = {"dimm-lost", "a module that the device keeps stays unmapped"},
	[FAULT_NODE_IGNORED] = {"node-ignored", "allocation by node takes any node"},
	[FAULT_NODE_LOST] = {"node-lost", "hot-added memory is of node 0"},
	[FAULT_MAPPABLE_END] = {"mappable-end", "the last granule that can be mapped is refused"},
	[FAULT_KADDR_32] = {"kaddr-32", "addresses in the direct map have 32 bits"},
	[FAULT_VMAP_NO_RECHECK] = {"vmap-no-recheck",
				   "a table is linked over one that came meanwhile"},
	[FAULT_VMAP_LOSER_LEAKED] = {"vmap-loser-leaked",
				     "a table that came too late is not freed"},
	[FAULT_VMAP_LEAF_FENCE] = {"vmap-leaf-fence",
				   "a table of another hart is not fenced as a pointer"},
	[FAULT_VMAP_THROUGH_LEAF] = {"vmap-through-leaf", "a large leaf is walked as a table"},
	[FAULT_VMAP_SMALL_LEAF] = {"vmap-small-leaf", "small pages where a large leaf fits"},
	[FAULT_VMAP_REUSE_EARLY] = {"vmap-reuse-early",
				    "addresses are given away before the shootdown"},
	[FAULT_PROMOTION_UNLOCKED] = {"promotion-unlocked", "a table is freed under a dumper"},
	[FAULT_PROMOTION_NESTED] = {"promotion-nested", "promotion waits for a lock that it has"},
	[FAULT_PROMOTION_EARLY] = {"promotion-early",
				   "promotion frees the table before the shootdown"},
	[FAULT_DEFERRED_WRONG_WORD] = {"deferred-wrong-word",
				       "the mark of another hart is looked at"},
	[FAULT_DEFERRED_NO_FENCE] = {"deferred-no-fence", "the mark goes without a fence"},
	[FAULT_DEFERRED_STUCK] = {"deferred-stuck", "the mark stays: every fault is tried again"},
	[FAULT_KASAN_LATE] = {"kasan-late", "shadow memory comes behind the first use"},
	[FAULT_KASAN_NEIGHBOUR] = {"kasan-neighbour", "the neighbour's shadow memory goes too"},
	[FAULT_KASAN_BOOT_FREED] = {"kasan-boot-freed", "shadow memory from boot is freed"},
	[FAULT_INTERRUPT_LOST] = {"interrupt-lost", "interrupts of devices never arrive"},
	[FAULT_APPLY_STORE] = {"apply-store", "a callback's answer is stored over another hart's"},
	[FAULT_PCI_PIN_FIRST] = {"pci-pin-first", "PCI pins are wired as those of slot 0"},
	[FAULT_FREE_UNLOCKED] = {"free-unlocked", "tables of an area go while somebody dumps"},
	[FAULT_VMAP_AREA_SHARED] = {"vmap-area-shared", "an area is mapped and freed at once"},
	[FAULT_TEST_LEFT] = {"test-left", "tests: one leaves with an area that it has mapped"},
	[FAULT_DEFERRED_FEW] = {"deferred-few", "every second hart is not marked"},
	[FAULT_MODEL_FULL] = {"model-full", "the TLB model has no room for early frees"},
	[FAULT_EXT_IGNORED] = {"ext-ignored", "ext= is not obeyed"},
	[FAULT_ASID_WIDE] = {"asid-wide", "asid= is not obeyed"},
	[FAULT_TIMER_LOST] = {"timer-lost", "boot.timer: the timer is not set"},
	[FAULT_IO_UNTYPED] = {"io-untyped", "device registers are mapped without a memory type"},
	[FAULT_IOREMAP_UNTYPED] = {"ioremap-untyped",
				   "ioremap: registers are mapped with another memory type"},
	[FAULT_TYPE_NO_FENCE] = {"type-no-fence", "a new memory type is not shot down"},
	[FAULT_WAKE_LOST] = {"wake-lost", "harts: the last one's interrupt gets lost"},
	[FAULT_HART_HANGS] = {"hart-hangs", "harts: the first peer hangs before the first test"},
	[FAULT_MSIX_MASKED] = {"msix-masked", "a device's message stays masked"},
	[FAULT_MSIX_WRONG_HART] = {"msix-wrong-hart", "a device's messages go to another hart"},
	[FAULT_LIST_UNLOCKED] = {"list-unlocked", "hot-added regions are looked up without a lock"},
};

const struct fault_info *fault_info(enum fault f)
{
	return &infos[f];
}

void fault_disarm(void)
{
	memset(fault_set, 0, sizeof(fault_set));
	fault_any = false;
}

enum err fault_arm(const char *list, char *unknown, size_t len)
{
	while (*list != '\0') {
		size_t n = strcspn(list, ",");
		unsigned f = 0;

		while (f < NR_FAULTS &&
		       (strlen(infos[f].name) != n || strncmp(infos[f].name, list, n) != 0))
			f++;
		if (n != 0 && f == NR_FAULTS) {
			size_t keep = n < len - 1 ? n : len - 1;

			memcpy(unknown, list, keep);
			unknown[keep] = '\0';
			return ERR_INVAL;
		}
		if (n != 0) {
			fault_set[f] = true;
			fault_any = true;
		}
		list += n;
		list += *list == ',';
	}
	return OK;
}

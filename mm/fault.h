/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seeded faults: each a named switch, compiled in always, at the point where real bugs of its
 * kind sat. Armed by the boot argument inject=NAME[,NAME...].
 */
#ifndef MM_FAULT_H
#define MM_FAULT_H

#include "firmware/types.h"

enum fault {
	FAULT_NO_SHOOTDOWN,    /* other harts are not told (nanvix #2244, MicroV #7) */
	FAULT_NO_FENCE,	       /* this hart's own fence is left out (Linux d9807d60c145) */
	FAULT_FREE_EARLY,      /* tables freed before the shootdown (Linux riscv hot-remove) */
	FAULT_LEAK_TABLE,      /* an unlinked table is never freed (set_direct_map residue) */
	FAULT_UNPLUG_EARLY,    /* the device is told before the unmap (virtio-mem f504e15b94eb) */
	FAULT_NO_MAP_FENCE,    /* no fence after invalid -> valid (Linux d9807d60c145, bao #378) */
	FAULT_NEIGHBOUR_LEAF,  /* unmap takes the next leaf along (arm64 memmap of a sub-section) */
	FAULT_SMALL_LEAF,      /* leaves smaller than what fits (Linux phys_ram_base alignment) */
	FAULT_MAP_RESERVED,    /* the direct map covers reserved memory (SiFive U54, PMP) */
	FAULT_PGD_LATE,	       /* root entries made when first needed (Linux 7d3332be011e) */
	FAULT_ADDRESSED_FENCE, /* rs1 = va for a table pointer (Linux 97cf301fa42e) */
	FAULT_LEAK_RECORDS,    /* the frame table of removed memory is not freed */
	FAULT_RECORDS_EARLY,   /* it is freed before the shootdown (Linux free_vmemmap_storage) */
	FAULT_RECORDS_FIRST,   /* it is freed before it is unmapped (bao mem_unmap()) */
	FAULT_MOVE_NO_COPY,    /* a movable frame moves without its content */
	FAULT_UNDO_FORGOTTEN,  /* an add that fails leaves the direct map (Linux f42ce5f087eb) */
	/* Of the fences that the tests of the machine make (tests/mmu/fences.c) */
	FAULT_FENCE_ODD_HARTS,	   /* a local fence does nothing on harts of odd index */
	FAULT_FENCE_ADDRESSED,	   /* one with an address does nothing (FU540) */
	FAULT_FENCE_SWAP,	   /* address and ASID swapped (rust-embedded/riscv #88) */
	FAULT_FENCE_SECOND,	   /* every second one is lost (cva6 #3312) */
	FAULT_RFENCE_NONE,	   /* remote ones are not sent */
	FAULT_RFENCE_ODD_HARTS,	   /* not to harts of odd index (OpenSBI 8197c2f1) */
	FAULT_RFENCE_SECOND,	   /* every second call is lost (OpenSBI f700216c) */
	FAULT_RFENCE_16_BITS,	   /* size cut to 16 bits */
	FAULT_RFENCE_END,	   /* the last page of a range is missed */
	FAULT_BOOT_HART_HANGS,	   /* in a test, with its interrupts off */
	FAULT_RFENCE_FIRST_PAGE,   /* all but the first page of a range are missed */
	FAULT_RFENCE_ASID_DROPPED, /* the ASID is 0 instead of what was asked for */
	FAULT_RFENCE_MASK_BASE,	   /* hart_mask_base counts as 0 (miralis #431) */
	FAULT_RFENCE_BASE_ALL,	   /* hart_mask_base -1 reaches nobody (OpenSBI 39362437) */
	FAULT_RFENCE_SELF,	   /* the caller is not fenced */
	FAULT_RFENCE_EARLY,	   /* a call returns before it was sent (OpenSBI 897a97a6) */
	FAULT_RFENCE_MERGE,	   /* lost if another is under way (OpenSBI f700216c) */
	FAULT_RFENCE_ZERO,	   /* (0, 0) and (0, -1) do nothing */
	FAULT_RFENCE_ASLEEP,	   /* suspended harts are left out */
	FAULT_RFENCE_STOPPED,	   /* a stopped hart in the mask: success, and nobody is fenced */
	FAULT_HSM_NO_START_FENCE,  /* a hart that comes back does not fence */
	FAULT_HSM_LOST,		   /* a hart that was stopped is not started again */
	/* Of tests/mmu: what another machine, or its operating system, would do wrong */
	FAULT_FENCE_ASID_OTHER,	 /* a local fence names another ASID (cva6 #324) */
	FAULT_FENCE_ASID_ONLY,	 /* one that has to reach global entries names an ASID */
	FAULT_RFENCE_ASID_OTHER, /* the same, remote */
	FAULT_RFENCE_RUNNING, /* only harts that run the ASID now are told (Linux 82dd33fde026) */
	FAULT_ROOT_NO_FENCE,  /* an ASID gets another root without a fence */
	FAULT_BARE_NEVER,     /* translation stays on where Bare was asked for (RVVM c814d28) */
	FAULT_SSTATUS_KEPT,   /* SUM and MXR stay set (NEMU 8b6884b2) */
	FAULT_AD_NEIGHBOUR,   /* the entry behind gets the bits as well (cvw #868) */
	FAULT_AD_RESURRECT,   /* a cleared entry comes back with D (Spike #2412, Sail #1860) */
	FAULT_AD_LOST,	      /* D is written with the entry as it was read before */
	FAULT_AD_LATE,	      /* D is set behind the store that needs it */
	FAULT_INVAL_NONE,     /* Svinval's bracket without its SINVAL.VMA */
	FAULT_INVAL_LAST,     /* the last SINVAL.VMA of a bracket is lost (cva6 #3312) */
	FAULT_NAPOT_ONE,      /* one of a NAPOT leaf's 16 entries is changed (Linux 835e5ac3f98e) */
	FAULT_FETCH_FIRST,    /* of two pages of an instruction the first is fenced */
	FAULT_FREED_LINKED,   /* a table is used anew and was not unlinked (seL4 d4ce4daad) */
	FAULT_FREED_EARLY,    /* unlinked, but before the shootdown (Linux 97cf301fa42e) */
	FAULT_ROOT_LATE,      /* a root entry is added to one root only (Linux 3f105a742725) */
	/* Single steps of hot-plug, of the driver, and what the tests of boot.* rely on */
	FAULT_DOUBLE_FREE,	 /* a dead table is freed twice */
	FAULT_WRONG_OWNER,	 /* it goes to another allocator (Linux e3ecf2fdc8f3, altmap) */
	FAULT_TABLE_FREED_FIRST, /* freed, then unlinked (Linux riscv free_pte_table()) */
	FAULT_SPLIT_NO_FENCE,	 /* a split is no change */
	FAULT_STALE_MERGE,	 /* a merge frees its table without a shootdown (vmap promotion) */
	FAULT_ONE_PAGE_SHORT,	 /* unmap leaves the last leaf of several */
	FAULT_PROTECT_WHOLE,	 /* rights of all of a large leaf (Linux 311cd2f6e253) */
	FAULT_CANONICAL_UNCHECKED, /* addresses that no mode has are mapped */
	FAULT_UNDO_TABLES,	   /* a map that fails leaves its tables */
	FAULT_FENCE_U16,   /* size of a range cut to 16 bits (Linux flush_tlb_kernel_range v3) */
	FAULT_SIZE_AS_END, /* size where an end is expected (Linux ebd4acc0cbea) */
	FAULT_MAX_PFN_ASSIGNED,	  /* the highest address follows the last add (Linux
				     arch_add_memory()) */
	FAULT_MAX_PFN_STUCK,	  /* it does not follow at all */
	FAULT_OVERLAP_ACCEPTED,	  /* hot-add over what is there (Linux create_pgd_mapping()) */
	FAULT_RANGE_UNCHECKED,	  /* hot-add of a range that is not aligned */
	FAULT_MAPPABLE_UNCHECKED, /* hot-add beyond the direct map (Linux f3336b48cf9d) */
	FAULT_PIN_IGNORED,	  /* frames in use are removed (Linux f504e15b94eb) */
	FAULT_BUSY_AS_ERROR,	  /* another errno than "busy" (Linux ddf409851461) */
	FAULT_FREE_COUNT_KEPT,	  /* removed frames still count as free */
	FAULT_PLUG_KEPT,	  /* an add that fails keeps the device's blocks */
	FAULT_NACK_IGNORED,	  /* NACK is taken for ACK */
	FAULT_BUSY_FORGOTTEN,	  /* BUSY is taken for ACK */
	FAULT_ERROR_SWALLOWED,	  /* ERROR is taken for ACK */
	FAULT_LEFTOVERS_TRUSTED,  /* plugged at start is taken for unplugged */
	FAULT_CONFIG_CHANGE_LOST, /* its interrupt is acknowledged, no more */
	FAULT_REQUESTED_STALE,	  /* a new size is not looked at (Linux f55484fd7be9) */
	FAULT_PENDING_FORGOTTEN,  /* unmapped, refused, forgotten (Linux a31648fd4f96) */
	FAULT_REQUEST_U16,	  /* more blocks than nb_blocks can say */
	FAULT_TRAP_CAUSE,	  /* faults of stores reported as faults of loads */
	FAULT_TABLE_UNLOCKED,	  /* no lock around the kernel table (Linux riscv hot-plug) */
	FAULT_JOB_LOST,		  /* the last hart does not hear of work */
	/* Of the actors: who walks or changes the kernel table while memory comes and goes */
	FAULT_LOCK_ORDER,      /* a dump takes its locks the other way round */
	FAULT_DUMP_UNLOCKED,   /* it does not keep memory from going (Linux ptdump before
				  37992b7f1097) */
	FAULT_SPLIT_BREAKS,    /* a split clears the leaf first: neighbours fault meanwhile */
	FAULT_PARKED_KEPT,     /* unmap skips what is not present (Linux remove_pte_mapping()) */
	FAULT_ALIAS_KEPT,      /* rights of the direct map do not follow (Linux 311cd2f6e253) */
	FAULT_DEFAULT_KEEPS_X, /* memory goes back executable (Linux b8b2711336f0) */
	FAULT_ATTR_ANYWHERE,   /* rights of memory that is not online are changed */
	FAULT_PRESENT_LEAF,    /* a look at what is present walks through leaves (Linux
				  kernel_page_present() and hibernation) */
	FAULT_WX_UNLOCKED,     /* only the check for W+X does not (Linux 59305202c67f) */
	/* Of the frame table: mm/hvo.c, mm/records.c */
	FAULT_HVO_FREE_EARLY,  /* tail pages of records are freed before the shootdown */
	FAULT_HVO_FLUSH_SHORT, /* of several that are remapped the first is shot down */
	FAULT_HVO_WRITABLE,    /* what is shared stays writable (Linux: PAGE_KERNEL_RO) */
	FAULT_HVO_NO_RECHECK,  /* a leaf is split that another hart has split ("fix a race between
				  vmemmap pmd split") */
	FAULT_HVO_COPIES, /* restored records read as the first one (Linux reset_struct_pages()) */
	FAULT_HVO_FREED,  /* a block is freed whose records are not its own */
	FAULT_HVO_UNDO,	  /* a restore that fails keeps its pages */
	FAULT_FAKE_HEADS, /* what reads as a first record is taken for one (page_fixed_fake_head) */
	FAULT_RESERVED_AS_OTHER, /* boot memory's records are freed as run-time pages (PageReserved)
				  */
	FAULT_ALTMAP_DROPPED, /* records do not come from where they were to (Linux e3ecf2fdc8f3) */
	FAULT_ALTMAP_ROLLBACK,	/* and a failure gives them elsewhere (Linux f42ce5f087eb) */
	FAULT_ALTMAP_DIRTY,	/* they are not zeroed */
	FAULT_DAX_FIRST,	/* a shared tail page is freed with its first entry */
	FAULT_DAX_ROLLBACK,	/* an add that fails keeps its records */
	FAULT_SUBSECTION_LEAF,	/* records of others in the same 2 MiB go too (arm64 "populate
				   vmemmap at the page level if not section aligned") */
	FAULT_RECORD_NEIGHBOUR, /* the page behind the records of removed memory is freed too
				   (56-byte struct page, Linux 6.12 without MEMCG) */
	FAULT_RECORD_REPEATS,	/* records of any size are taken for page after page the same */
	/* Of memory of devices: tests/actors/ */
	FAULT_PMEM_FLUSH_SKIPPED,   /* a flush is not sent */
	FAULT_PMEM_ERROR_SWALLOWED, /* a flush that failed counts as done */
	FAULT_DEVMEM_ONLINE,	    /* device memory is given to the allocator */
	FAULT_DEVMEM_RANGE,	    /* it is mapped wherever it is (Linux f3336b48cf9d) */
	FAULT_DEVMEM_USERS,	    /* it is unmapped under its users (Linux memunmap_pages()) */
	FAULT_DIMM_HALF,	    /* half of a module is ejected */
	FAULT_DIMM_LOST,	    /* an ejection that the device refuses leaves it unmapped */
	FAULT_NODE_IGNORED,	    /* allocation by node takes any node */
	FAULT_NODE_LOST,	    /* what is hot-added is of node 0 */
	FAULT_MAPPABLE_END,	    /* the mappable range without its last granule */
	FAULT_KADDR_32, /* a frame's address is computed in 32 bits (pfn << PAGE_SHIFT of an int) */

	/* Of the vmalloc area and of the KASAN shadow: */
	FAULT_VMAP_NO_RECHECK,	   /* two harts, two tables (Linux __pte_alloc_kernel()) */
	FAULT_VMAP_LOSER_LEAKED,   /* the table that came too late is lost */
	FAULT_VMAP_LEAF_FENCE,	   /* another hart's new pointer (Linux 97cf301fa42e) */
	FAULT_VMAP_THROUGH_LEAF,   /* as Linux kernel_page_present() did */
	FAULT_VMAP_SMALL_LEAF,	   /* ioremap() without large leaves */
	FAULT_VMAP_REUSE_EARLY,	   /* address space before the flush (MicroV #7) */
	FAULT_PROMOTION_UNLOCKED,  /* Linux "acquire init_mm read lock on huge vmap promotion" */
	FAULT_PROMOTION_NESTED,	   /* its first fix: a second reading, behind a writer that waits */
	FAULT_PROMOTION_EARLY,	   /* as in Linux free_pte_table() */
	FAULT_DEFERRED_WRONG_WORD, /* Linux e108c8a94f3f */
	FAULT_DEFERRED_NO_FENCE,   /* Linux 1b2c6b56a9fa */
	FAULT_DEFERRED_STUCK,	   /* a fault for ever */
	FAULT_KASAN_LATE,	   /* no shadow at the first use (Linux kasan_mem_notifier()) */
	FAULT_KASAN_NEIGHBOUR,	   /* a whole leaf's worth (as arm64's frame table was) */
	FAULT_KASAN_BOOT_FREED,	   /* Linux kasan_mem_notifier() looks for its area first */
	/* Of the machine's other parts */
	FAULT_INTERRUPT_LOST,	/* a source is never switched on (the controller never asks) */
	FAULT_APPLY_STORE,	/* as Linux's KASAN callback without init_mm's lock */
	FAULT_PCI_PIN_FIRST,	/* Linux pci_swizzle_interrupt_pin(): slots share four lines */
	FAULT_FREE_UNLOCKED,	/* tables go under a dump (Linux vunmap() before it kept them) */
	FAULT_VMAP_AREA_SHARED, /* two map in one area (Linux: who owns a vm_struct maps it) */
	FAULT_TEST_LEFT,	/* a test is left in its middle, and cleans up nothing */
	FAULT_DEFERRED_FEW,	/* not all harts are marked */
	FAULT_MODEL_FULL,	/* no room for what is measured: the run has to end */
	/* Of extensions */
	FAULT_EXT_IGNORED,     /* ext= is printed and not obeyed */
	FAULT_ASID_WIDE,       /* asid= is not obeyed */
	FAULT_TIMER_LOST,      /* a timer that firmware or core forgets */
	FAULT_IO_UNTYPED,      /* Linux before "riscv: Add Svpbmt": I/O by PMA alone */
	FAULT_IOREMAP_UNTYPED, /* a second mapping of registers of another type */
	FAULT_TYPE_NO_FENCE,   /* a type is "only an attribute" */
	FAULT_WAKE_LOST,       /* an interrupt between harts does not arrive */
	FAULT_HART_HANGS,      /* a hart is lost outside any test, and no interrupt reaches it */
	FAULT_MSIX_MASKED,     /* a vector's mask bit stays (PCIe 6.1.4.5) */
	FAULT_MSIX_WRONG_HART, /* its message goes to another hart's interrupt file */
	FAULT_LIST_UNLOCKED,   /* the list of regions is read while it changes */
	NR_FAULTS,
};

struct fault_info {
	const char *name;
	const char *what;
};

const struct fault_info *fault_info(enum fault f);

/*
 * Arm what @list names, separated by commas. ERR_INVAL with the first unknown name copied to
 * @unknown (at most @len bytes, terminated).
 */
enum err must_check fault_arm(const char *list, char *unknown, size_t len);

/* Disarm all. */
void fault_disarm(void);

/* Set while anything is armed: one load and one branch when nothing is. */
extern bool fault_any;
extern bool fault_set[NR_FAULTS];

static inline bool fault_armed(enum fault f)
{
	return __builtin_expect(fault_any, 0) && fault_set[f];
}

#endif

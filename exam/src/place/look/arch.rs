//! What differs between x86-64 and aarch64: the registers from which unwinding starts. framehop has
//! the rest under one name for both.

use nix::{sys::ptrace, unistd::Pid};

use framehop::UnwindRegsNative as Registers;
pub(super) use framehop::{CacheNative as Cache, UnwinderNative as Unwinder};

/// Where a stopped thread is: its instruction, and the registers that lead to its callers.
#[cfg(target_arch = "x86_64")]
pub(super) fn registers(thread: Pid) -> nix::Result<(u64, Registers)> {
    let all = ptrace::getregs(thread)?;
    Ok((all.rip, Registers::new(all.rip, all.rsp, all.rbp)))
}

/// Where a stopped thread is: its instruction, and the registers that lead to its callers.
#[cfg(target_arch = "aarch64")]
pub(super) fn registers(thread: Pid) -> nix::Result<(u64, Registers)> {
    use framehop::aarch64::PtrAuthMask;

    // Register 30 is the link register, 29 the frame pointer (AAPCS64, 6.1.1).
    let all = ptrace::getregs(thread)?;
    let (link, frame) = (all.regs[30], all.regs[29]);
    // Distributions sign return addresses in libc (pointer authentication, as on Apple's
    // processors). Linux programs have addresses of 48 bits; the signature stands above.
    let mask = PtrAuthMask::from_max_known_address((1 << 48) - 1);
    let registers = Registers::new_with_ptr_auth_mask(mask, link, all.sp, frame);
    Ok((all.pc, registers))
}

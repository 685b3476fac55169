package proc

import (
	"os"
	"testing"
	"time"
)

func TestAProcessIsRead(t *testing.T) {
	begin, err := CPUOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for spin := time.Now(); ; {
		used, err := CPUOf(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if used > begin {
			break // what it cost to get here is seen
		}
		if time.Since(spin) > time.Minute {
			t.Fatal("a minute of spinning costs nothing")
		}
	}
	u, err := UsageOf(os.Getpid())
	if err != nil || u.Anonymous <= 0 || u.RSS < u.Anonymous || u.Peak < u.RSS {
		t.Errorf("%+v, %v", u, err)
	}
	if count, err := DescriptorsOf(os.Getpid()); err != nil || count < 3 {
		t.Errorf("%d descriptors, %v", count, err)
	}
}

func TestAProcessThatIsGoneIsAnError(t *testing.T) {
	const nobody = 1 << 30
	if _, err := UsageOf(nobody); err == nil {
		t.Error("its memory was read")
	}
	if _, err := CPUOf(nobody); err == nil {
		t.Error("its times were read")
	}
}

package sim
import ("time";"testing";"fmt";"github.com/ebbproject/ebb/link")
func TestPlot2(t *testing.T){
		bdp:=0.2
		w := NewWorld()
		bytes:=int(50e6/8*.030*bdp)
		p := w.Path(link.Config{Rate:50e6,Delay:15*ms,BufferBytes:bytes,Seed:1},link.Config{Delay:15*ms})
		f:=w.Flow(p, FlowConfig{Controller: newCubic(), MSS: 1440,Start:10*sec,Stop:80*sec})
		a:=w.Flow(p, FlowConfig{Controller: ebbc(), MSS: 1440})
		last:=""
		for i:=0;i<7000;i++ { w.Run(10*ms*time.Duration(i)); s:=a.String(); ph:=s[:12]; if ph!=last { last=ph; fmt.Println(float64(i)/100, s, "cubic", f.Trace[len(f.Trace)-1].Window/1440, f.Lost(), a.Lost()) } }
		fmt.Println(Plot("rates",50,Series{'c',f.Rates()},Series{'a',a.Rates()}))
		fmt.Println(Plot("queue",12,Series{'q',p.Queues()}))
}

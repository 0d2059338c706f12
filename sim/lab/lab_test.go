package lab
import ("flag";"testing";"fmt";"time";"github.com/ebbproject/ebb/ledbat";"github.com/ebbproject/ebb/link";. "github.com/ebbproject/ebb/sim";"github.com/ebbproject/ebb/sim/traffic")
const ms=time.Millisecond
const sec=time.Second
var control=flag.String("cc","cubic","")
var bdps=flag.Float64("bdp",0,"")
var rtts=flag.Duration("rtt",30*ms,"")
var mbit=flag.Float64("mbit",50,"")
var debug=flag.Bool("debug",false,"")
var late=flag.Duration("late",0,"")
var plot=flag.Bool("plot",false,"")
var name=flag.String("ctl","ebb","")
func ebbc() ledbat.Controller { c:=ledbat.Default(); c.MSS=1440; e,err:=ledbat.New(*name,c); if err!=nil{panic(err)}; return e }
func TestVs(t *testing.T){
    list:=[]float64{.1,.2,.5,1,2,4,8}
  if *bdps>0 { list=[]float64{*bdps} }
  for _,bdp:=range list {
    start:=20*sec; stop:=120*sec; end:=130*sec
    run:=func(us bool)(*Flow,*Bulk,*Path){
		w := NewWorld()
		bytes:=int(*mbit*1e6/8*rtts.Seconds()*bdp)
		p := w.Path(link.Config{Rate:*mbit*1e6,Delay:*rtts/2,BufferBytes:bytes,Seed:1},link.Config{Delay:*rtts/2})
		s,r:=traffic.NewTCP(traffic.Config{Control:*control,Start:start,Stop:stop,Seed:1})
		f:=w.Add(p,s,r)
		var a *Bulk
		if us { a=w.Flow(p, FlowConfig{Controller: ebbc(), MSS: 1440, Start:*late}) }
		if us && *debug { last:=""; for i:=time.Duration(0);i<end;i+=10*ms { w.Run(i); st:=a.String(); if st[:8]!=last { last=st[:8]; fmt.Println(i,st) } } }
		w.Run(end)
		return f,a,p
	}
	f0,_,_:=run(false); f,a,p:=run(true)
		back:=0.0
		for i:=12000;i<13000;i++ { if a.Goodput(time.Duration(i)*SampleEvery,time.Duration(i+10)*SampleEvery)>.8*(*mbit)*1e6*1440/1468 { back=float64(i-12000)/100; break } }
	// progress 1s: time until primary reaches 80% of solo course
	g:=func(f *Flow,a,b time.Duration) float64 { return f.Goodput(a,b)/1e6 }
	fmt.Printf("%s %g Mbit %v bdp %.1f solo %.2f with %.2f PTR %.3f (first 1 s %.3f 5 s %.3f) ours %.2f back %.2f U %.3f q95 %v | %v\n",*control,*mbit,*rtts,bdp,g(f0,start,stop),g(f,start,stop),g(f,start,stop)/g(f0,start,stop),g(f,start,start+sec)/g(f0,start,start+sec),g(f,start,start+5*sec)/g(f0,start,start+5*sec),g(a.Flow,start,stop),back,g(a.Flow,5*sec,20*sec)/(*mbit)*1468/1440,p.QueueBetween(5*sec,20*sec).P95,a)
	if *plot { fmt.Println(Plot("rates",*mbit*1.1,Series{'s',f0.Rates()},Series{'c',f.Rates()},Series{'a',a.Rates()})) ; fmt.Println(Plot("queue",rtts.Seconds()*1000*bdp*1.1,Series{'q',p.Queues()})) }
  }
}

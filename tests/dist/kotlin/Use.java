import io.github.dictsqlite.BlockingDict;
import io.github.dictsqlite.Codec;
import io.github.dictsqlite.Key;
import io.github.dictsqlite.Options;
import java.lang.reflect.Constructor;

/** Uses the jar in an empty directory, with nothing else but what it needs at run time: the JDK alone runs this. */
public class Use {
    public static void main(String[] arguments) throws Exception {
        Codec<String> text = Codec.Companion.getText();
        Key ada = new Key.Text("user:1");
        try (BlockingDict<String> dict = BlockingDict.Companion.open("jar.db", text, options())) {
            dict.set(ada, "Ada");
            check(dict.incr(new Key.Text("hits"), 1) == 1, "the counter is another");
        }
        try (BlockingDict<String> dict = BlockingDict.Companion.open("jar.db", text, options())) {
            check("Ada".equals(dict.get(ada)), "the value is another");
            check(dict.getSize() == 2, "the size is another");
        }
        System.out.println("Kotlin's jar: works");
    }

    /** `Options()` in Kotlin: the constructor that takes a mask of the arguments that have their defaults. */
    private static Options options() throws Exception {
        for (Constructor<?> constructor : Options.class.getConstructors()) {
            Class<?>[] types = constructor.getParameterTypes();
            if (!constructor.isSynthetic()) continue;
            Object[] values = new Object[types.length];
            for (int i = 0; i < types.length; i++) {
                if (types[i] == boolean.class) values[i] = false;
                if (types[i] == int.class) values[i] = -1;
            }
            return (Options) constructor.newInstance(values);
        }
        throw new AssertionError("Options has no default arguments");
    }

    private static void check(boolean right, String what) {
        if (!right) throw new AssertionError(what);
    }
}
